/** Switches the guest off (Documentation/admin-guide/sysrq.rst). */
import { writeFileSync } from "node:fs";

writeFileSync("/proc/sysrq-trigger", "o");
await Bun.sleep(60_000);
