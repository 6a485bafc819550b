/** Runs the test files in the guest, one after another, and reports each to the host. */
import { openSync, readFileSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { cgroup2Controllers } from "../../../harness/cgroups.ts";
import { runFile, type Surroundings } from "../../../harness/run-file.ts";
import { FILE_LIST, portDevice, type Report } from "../../results.ts";

const PROJECT = resolve(import.meta.dir, "../../../..");
/** How long a file may take, and how slow a machine this is for it. */
const { FILE_SECONDS = "180", TSRUN_TEST_SLOWNESS = "3" } = process.env;
/** No pid namespace: systemd knows processes by the machine's pids; and what it mounts for a user is seen here, too. */
const OWN_MOUNTS: Surroundings = {
  command: [
    ...["unshare", "--mount", "--propagation", "slave"],
    ...["sh", "-c", 'mount -t tmpfs -o mode=755 tsrun-test "$TSRUN_TEST_DIR" && "$@"; exit $?', "sh"],
  ],
  owns: () => false,
  socket: null,
};

/** For who wants to be served by a server of the machine, which stands in its own mounts. */
const NO_OTHER_MOUNTS: Surroundings = {
  ...OWN_MOUNTS,
  command: [
    "sh",
    "-c",
    'mount -t tmpfs -o mode=755 tsrun-test "$TSRUN_TEST_DIR"; "$@"; how=$?; umount -l "$TSRUN_TEST_DIR"; exit $how',
    "sh",
  ],
};
const IN_MACHINE = /^\/\/ In the machine's own mounts\b/m;

process.env["TSRUN_TEST_SLOWNESS"] = TSRUN_TEST_SLOWNESS;
const port = openSync(portDevice(), "w");
report({
  kind: "began",
  kernel: readFileSync("/proc/sys/kernel/osrelease", "utf8").trim(),
  controllers: [...cgroup2Controllers()],
});
for (const file of readFileSync(resolve(PROJECT, FILE_LIST), "utf8").split("\n").filter(Boolean)) {
  const path = resolve(PROJECT, file);
  const surroundings = IN_MACHINE.test(readFileSync(path, "utf8")) ? NO_OTHER_MOUNTS : OWN_MOUNTS;
  const result = await runFile(path, Number(FILE_SECONDS), surroundings);
  report({ kind: "file", result: { ...result, file } });
}
report({ kind: "ended" });

function report(what: Report): void {
  const line = Buffer.from(`${JSON.stringify(what)}\n`);
  for (let done = 0; done < line.length; ) done += writeSync(port, line, done);
}
