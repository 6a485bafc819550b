import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Invocation, type InvocationOf, parse } from "../../../src/cli/grammar/parse.ts";
import type { CommandName } from "../../../src/cli/grammar/table.ts";
import { UsageError } from "../../../src/cli/grammar/usage-error.ts";

/** A command line as one would type it; no word has a space in it. */
function parsed<C extends CommandName>(command: C, line: string): InvocationOf<C> {
  const invocation: Invocation = parse(line.split(" "));
  assert.is(invocation.command, command);
  return invocation as InvocationOf<C>; // the line above made sure of it
}

function complaint(line: string): string {
  try {
    parse(line === "" ? [] : line.split(" "));
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return "none";
}

test("containerd's create is understood", () => {
  const { globals, flags, args } = parsed(
    "create",
    "--root /run/r --log /b/log.json --log-format json --systemd-cgroup create --bundle /b --pid-file /b/p --console-socket /s web",
  );
  const id: string = args[0];
  const bundle: string | undefined = flags.bundle;
  assert.is(id, "web");
  assert.is(bundle, "/b");
  assert.is(flags.pidFile, "/b/p");
  assert.is(flags.consoleSocket, "/s");
  assert.is(globals.root, "/run/r");
  assert.is(globals.log, "/b/log.json");
  assert.is(globals.logFormat, "json");
  assert.is(globals.systemdCgroup, true);
});

test("podman's update and containerd's say the same", () => {
  assert.is(parsed("update", "update --resources=- web").flags.resources, "-");
  assert.is(parsed("update", "update --resources - web").flags.resources, "-");
});

test("a flag that is not given is its default, false, an empty list or undefined", () => {
  const { globals, flags, warnings } = parsed("exec", "exec web ls");
  assert.is(globals.root, undefined);
  assert.is(globals.logFormat, "text");
  assert.is(globals.rootless, "auto");
  assert.is(globals.log, undefined);
  assert.is(flags.preserveFds, 0);
  assert.is(flags.tty, false);
  assert.is(flags.cwd, undefined);
  assert.equal(flags.env, []);
  assert.equal(warnings, []);
  assert.is(parsed("events", "events web").flags.interval, 5000);
});

test("an empty text is a flag that was not given, but for an id", () => {
  const { globals, flags } = parsed("exec", "--log= --root= exec --user= --cwd= --process= --env= web ls");
  assert.is(globals.log, undefined);
  assert.is(globals.root, undefined);
  assert.is(flags.user, undefined);
  assert.is(flags.cwd, undefined);
  assert.is(flags.process, undefined);
  assert.equal(flags.env, [""]);
  assert.is(parsed("spec", "spec --sandbox=").flags.sandbox, "");
});

test("update's obsolete flags are taken with a warning, as runc takes them", () => {
  const { warnings } = parsed("update", "update --kernel-memory 5M --kernel-memory-tcp=5M web");
  assert.is(warnings.length, 2);
});

test("--flag=value, --flag value, -flag value and the short form are the same", () => {
  for (const spelling of ["--bundle=/b", "--bundle /b", "-bundle /b", "-bundle=/b", "-b /b", "-b=/b"]) {
    assert.is(parsed("create", `create ${spelling} web`).flags.bundle, "/b", spelling);
  }
});

test("a value may hold an equals sign or look like a flag", () => {
  assert.equal(parsed("exec", "exec -e A=B=C web sh").flags.env, ["A=B=C"]);
  assert.is(parsed("create", "create --bundle --keep web").flags.bundle, "--keep");
});

test("the last of a repeated flag counts, unless the flag collects", () => {
  assert.is(parsed("create", "create --bundle /a -b /b web").flags.bundle, "/b");
  assert.equal(parsed("exec", "exec -e A=1 --env B=2 web sh").flags.env, ["A=1", "B=2"]);
  assert.equal(parsed("exec", "exec -g 5 --additional-gids=6 web sh").flags.additionalGids, [5, 6]);
});

test("a bool takes a value only behind an equals sign", () => {
  assert.is(parsed("exec", "exec --tty=false web sh").flags.tty, false);
  assert.is(parsed("exec", "exec -t=T web sh").flags.tty, true);
  assert.equal(parsed("delete", "delete --force false").args, ["false"]);
});

test("letters that are put together are told apart", () => {
  assert.match(complaint("run -db /srv web"), "unknown flag -db (letters stand alone: -d -b)");
  assert.match(complaint("run -dx web"), /unknown flag -dx$/);
});

test("--json is --format json wherever there is one, and the last of both counts", () => {
  for (const command of ["list", "ps", "mounts", "verify", "check", "seccomp"] as const) {
    const line = `${command} --json ${{ ps: "web", mounts: "list web" }[command as string] ?? ""}`.trim();
    assert.is(parsed(command, line).flags.format, "json", command);
  }
  assert.is(parsed("check", "check --json --html").flags.format, "html");
  assert.is(parsed("check", "check --json=false").flags.format, "table");
});

test("numbers may be hexadecimal, sizes have units, times are milliseconds", () => {
  assert.is(parsed("create", "create --preserve-fds 0x10 web").flags.preserveFds, 16);
  assert.is(parsed("update", "update --cpu-quota -1 web").flags.cpuQuota, -1);
  assert.is(parsed("update", "update --memory 512M web").flags.memory, 512 * 1024 ** 2);
  assert.is(parsed("update", "update --memory 1.5GiB web").flags.memory, 1.5 * 1024 ** 3);
  assert.is(parsed("update", "update --memory-swap=-1 web").flags.memorySwap, -1);
  assert.is(parsed("update", "update --memory 9007199254740993 web").flags.memory, 9007199254740993n);
  assert.is(parsed("update", "update --memory 8191.25p web").flags.memory, 9222527611924643840n);
  assert.is(parsed("update", "update --cpu-quota -9007199254740993 web").flags.cpuQuota, -9007199254740993n);
  assert.is(parsed("events", "events --interval 1m30.5s web").flags.interval, 90_500);
});

test("flags may follow the container's id", () => {
  assert.is(parsed("kill", "kill web --all").flags.all, true);
  assert.is(parsed("kill", "kill web 9 -a").flags.all, true);
  assert.is(parsed("delete", "delete web --force").flags.force, true);
  assert.is(parsed("update", "update web --pids-limit 7").flags.pidsLimit, 7);
  assert.is(parsed("run", "run --detach web --bundle /b").flags.bundle, "/b");
});

test("in exec and ps, all that follows the id is another program's", () => {
  const { flags, args } = parsed("exec", "exec --tty web ps -ef --tty=false --help -- x");
  assert.equal(args, ["web", "ps", "-ef", "--tty=false", "--help", "--", "x"]);
  assert.is(flags.tty, true);
  assert.equal(parsed("ps", "ps web --format json").args, ["web", "--format", "json"]);
  assert.is(parsed("ps", "ps --format json web").flags.format, "json");
});

test("a signal may be written -9 after the id, as in runc", () => {
  assert.equal(parsed("kill", "kill web -9").args, ["web", "-9"]);
  assert.is(complaint("kill -9 web"), "kill: unknown flag -9");
});

test("-- ends the flags", () => {
  assert.equal(parsed("state", "state -- --web").args, ["--web"]);
  assert.equal(parsed("kill", "kill web -- --all").args, ["web", "--all"]);
  assert.equal(parsed("exec", "exec -- web --tty").args, ["web", "--tty"]);
  assert.is(parsed("state", "-- state web").args[0], "web");
});

test("a single dash is an argument", () => {
  assert.equal(parsed("state", "state -").args, ["-"]);
});

test("-v and --version stand before the command", () => {
  assert.is(parse(["-v"]).command, "version");
  assert.is(parse(["--root", "/r", "--version", "state"]).command, "version");
  assert.is(complaint("state -v"), "state: unknown flag -v");
});

test("help is a command, an alias, a flag, and what no arguments at all mean", () => {
  const topic = (line: string) => parsed("help", line).args[0];
  assert.equal(parse([]).command, "help");
  assert.is(topic("--help"), undefined);
  assert.is(topic("help"), undefined);
  assert.is(topic("help kill"), "kill");
  assert.is(topic("h kill"), "kill");
  assert.is(topic("--help kill"), "kill");
  assert.is(topic("kill -h"), "kill");
  assert.is(topic("kill --help"), "kill");
  assert.is(topic("kill web 9 --help"), "kill");
  assert.is(topic("exec --help web"), "exec");
  assert.is(topic("help h"), "help");
  assert.is(complaint("help kil"), "unknown command kil (did you mean kill?)");
});

test("--criu is accepted with a warning for the log", () => {
  const { warnings, globals } = parsed("state", "--criu /sbin/criu state web");
  assert.is(globals.criu, "/sbin/criu");
  assert.is(warnings.length, 1);
  assert.match(warnings[0] ?? "", /^--criu is ignored/);
});

test("a slip in a flag or command gets a suggestion, nonsense none", () => {
  assert.is(complaint("run --hlep web"), "run: unknown flag --hlep (did you mean --help?)");
  assert.is(
    complaint("--preserve-fds 1 run web"),
    "unknown flag --preserve-fds (flags of a command come after it, as in tsrun create --preserve-fds)",
  );
  assert.is(
    complaint("state --rooot /r web"),
    "state: unknown flag --rooot (did you mean the global flag --root, before state?)",
  );
  assert.is(complaint("create --bundel /b web"), "create: unknown flag --bundel (did you mean --bundle?)");
  assert.is(
    complaint("create --cons /s web"),
    "create: unknown flag --cons (did you mean --console-socket?)",
  );
  assert.is(
    complaint("create --pidfile=/p web"),
    "create: unknown flag --pidfile (did you mean --pid-file?)",
  );
  assert.is(complaint("creat web"), "unknown command creat (did you mean create?)");
  assert.is(complaint("--rot /r state web"), "unknown flag --rot (did you mean --root?)");
  assert.is(complaint("frobnicate"), "unknown command frobnicate");
  assert.is(complaint("create --frobnicate web"), "create: unknown flag --frobnicate");
});

test("a global flag behind the command is told where it belongs", () => {
  assert.is(
    complaint("create --root /r web"),
    "create: --root is a global flag: write tsrun --root … create",
  );
});

test("names of Object's own properties are neither flags nor commands", () => {
  assert.is(complaint("--constructor"), "unknown flag --constructor");
  assert.is(complaint("toString"), "unknown command toString");
  assert.is(complaint("create --__proto__ web"), "create: unknown flag --__proto__");
});

test("a value of the wrong kind is named with what is wanted", () => {
  assert.is(
    complaint("create --preserve-fds x web"),
    'create: --preserve-fds must be a whole number, not "x"',
  );
  assert.is(complaint("create --preserve-fds -1 web"), "create: --preserve-fds must be at least 0, not -1");
  assert.is(
    complaint("create --preserve-fds 010 web"),
    'create: --preserve-fds must be a whole number, not "010"',
  );
  assert.is(complaint("exec --tty=yes web sh"), 'exec: --tty must be true or false, not "yes"');
  assert.is(complaint("list --format yaml"), 'list: --format must be table, json, dot or svg, not "yaml"');
  assert.is(
    complaint("events --interval 5 web"),
    'events: --interval must be a time such as 500ms or 1m, not "5"',
  );
  assert.is(complaint("--log-format xml list"), '--log-format must be text or json, not "xml"');
  assert.match(complaint("update --memory lots web"), /--memory must be a size in bytes/);
});

test("a missing value or argument, and one too many, are named", () => {
  assert.is(complaint("create --bundle"), "create: --bundle needs a value");
  assert.is(complaint("--root"), "--root needs a value");
  assert.is(complaint("create"), "create: ID is missing (usage: tsrun create [flags] ID)");
  assert.is(complaint("start"), "start: ID is missing (usage: tsrun start ID)");
  assert.is(
    complaint("kill web 9 10"),
    'kill: unexpected argument "10" (usage: tsrun kill [flags] ID [SIGNAL])',
  );
  assert.is(complaint("list web"), 'list: unexpected argument "web" (usage: tsrun list [flags])');
});

test("a usage error knows the global flags, for the log", () => {
  try {
    parse(["--log", "/l", "--log-format", "json", "state"]);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, UsageError);
    if (!(error instanceof UsageError)) return;
    assert.is(error.globals.log, "/l");
    assert.is(error.globals.logFormat, "json");
    assert.is(error.hint, "Say `tsrun state --help` for more.");
  }
});

test.run();
