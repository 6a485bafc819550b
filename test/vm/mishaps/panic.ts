/** Makes the guest's kernel panic (Documentation/admin-guide/sysrq.rst). */
import { writeFileSync } from "node:fs";

writeFileSync("/proc/sysrq-trigger", "c");
