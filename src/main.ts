import { readBundle } from "./container/bundle.ts";
import { create } from "./container/create.ts";
import { start, wake } from "./container/start.ts";
import { Store } from "./container/store.ts";
import { reap } from "./agent/spawn.ts";
try {
const [cmd, id = "x", b = "."] = process.argv.slice(2);
const store = new Store("/run/tsrun");
if (cmd === "create") { const c = create(store, readBundle(b), { id, pidFile: undefined, preservedFds: 0 }); console.log(c.saved.init.pid); }
if (cmd === "start") start(store, id);
if (cmd === "run") {
  const c = create(store, readBundle(b), { id, pidFile: undefined, preservedFds: 0 });
  wake(c.directory, c.saved.init, c.mailbox);
  console.log(reap(c.saved.init.pid, true));
}
} catch (e) { console.log(String(e)); }
