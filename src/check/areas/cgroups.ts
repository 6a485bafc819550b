/** Cgroup v2, tried in a cgroup of the trial's own; what is passed on to it by those above stays as it is. */

import type { Config } from "../../../runtime-spec/config.ts";
import { isRootless } from "../../container/caller/caller.ts";
import { CWD, close, faccessat2, openat } from "../../kernel/calls.ts";
import { AT_EACCESS, O_DIRECTORY, O_PATH, O_RDWR, SIGKILL, W_OK } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { readText, statusIfThere, writeExisting } from "../../kernel/files.ts";
import { here } from "../../kernel/here.ts";
import { listDirectory } from "../../kernel/list-directory.ts";
import { controllerOf } from "../../linux/cgroups/apply.ts";
import { compileDeviceRules } from "../../linux/cgroups/device-program.ts";
import { allowsEverything, containerDeviceRules } from "../../linux/cgroups/device-rules.ts";
import { attachDevices } from "../../linux/cgroups/devices.ts";
import { freeze, thaw } from "../../linux/cgroups/freeze.ts";
import { controllersIn, unifiedMount, whyMissing } from "../../linux/cgroups/hierarchy.ts";
import { pidsIn } from "../../linux/cgroups/pids.ts";
import { type Area, EVERY_CONTAINER, type Feature } from "../feature.ts";
import { plannedLimits } from "../limits.ts";
import { OWN } from "../own.ts";
import { removeAbandoned, TrialCgroup, trialPlace } from "../trial-cgroup.ts";
import { Forbidden, Missing } from "../verdict.ts";

const PATIENCE_MS = 1000;

/** Denies the processes of a cgroup all devices. */
function deny(path: string): void {
  const fd = here(openat(CWD, path, O_PATH | O_DIRECTORY));
  try {
    attachDevices(fd, compileDeviceRules([{ allow: false, access: "rwm" }]));
  } finally {
    here(close(fd));
  }
}

/** A file that a cgroup has with a controller. */
const CONTROLLERS = [
  {
    name: "cpu",
    file: "cpu.weight",
    config: ["shares", "quota", "period", "burst", "idle"].map((key) => `linux.resources.cpu.${key}`),
  },
  {
    name: "cpuset",
    file: "cpuset.cpus",
    config: ["linux.resources.cpu.cpus", "linux.resources.cpu.mems"],
  },
  { name: "io", file: "io.max", config: ["linux.resources.blockIO"] },
  { name: "memory", file: "memory.max", config: ["linux.resources.memory"] },
  { name: "hugetlb", file: /^hugetlb\.\w+\.max$/, config: ["linux.resources.hugepageLimits"] },
  { name: "pids", file: "pids.max", config: ["linux.resources.pids"] },
  { name: "rdma", file: "rdma.max", config: ["linux.resources.rdma"] },
  { name: "misc", file: "misc.max", config: ['linux.resources.unified["misc.max"]'] },
] as const;

function controllerFeature({ name, file, config }: (typeof CONTROLLERS)[number]): Feature {
  return {
    name: `cgroup.controller.${name}`,
    title: `cgroup controller ${name}`,
    config,
    places: (whole) => limitsBy(name, whole),
    async probe(trial) {
      if (!controllersIn(unifiedMount()).has(name)) throw new Missing(whyMissing(name));
      await using cgroup = new TrialCgroup();
      if (!controllersIn(cgroup.path).has(name)) return passedOn(trialPlace(), name);
      cgroup.bear(trial);
      const names = listDirectory(cgroup.path)?.map((entry) => entry.name) ?? [];
      const found = names.find((one) => (typeof file === "string" ? one === file : file.test(one)));
      if (found === undefined)
        throw new Missing(`the controller is there, and no file ${file} in ${cgroup.path}`);
      readText(`${cgroup.path}/${found}`);
      return "passed on to containers";
    },
  };
}

/** Whether `create` could pass a controller on to a container. Trying it would change the other cgroups. */
function passedOn(place: string, controller: string): string {
  if (!controllersIn(place).has(controller)) throw new Forbidden(`it is not delegated to ${place}`);
  here(faccessat2(CWD, `${place}/cgroup.subtree_control`, W_OK, AT_EACCESS));
  // The root of the hierarchy, which has no such file, may have processes.
  if (statusIfThere(`${place}/cgroup.type`) !== null && pidsIn(place).length > 0)
    throw new Forbidden(
      `${place} can't pass ${controller} on while it has processes of its own (cgroups(7), no internal processes)`,
    );
  return "not passed on yet: create does that when a container needs it";
}

/** The places of limits that this controller enforces; a default that a new cgroup has anyway needs none. */
function limitsBy(controller: string, config: Config): readonly string[] {
  return plannedLimits(config)
    .writes.filter((write) => controllerOf(write) === controller && !write.isDefault)
    .map(({ where }) => where);
}

/** What is impossible without a cgroup of its own: every container has one, an ordinary user's only on demand. */
const WANTS_CGROUP = isRootless(OWN, "auto") ? ["linux.cgroupsPath", "linux.resources"] : [EVERY_CONTAINER];

function wantsCgroup(config: Config): readonly string[] {
  if (!isRootless(OWN, "auto")) return [""];
  if (config.linux?.cgroupsPath) return ["linux.cgroupsPath"];
  return plannedLimits(config)
    .writes.filter(({ isDefault }) => !isDefault)
    .map(({ where }) => where);
}

/** Every container's devices are restricted, unless its rules allow all; an ordinary user's only by its own rules. */
function restrictedDevices({ linux }: Config): readonly string[] {
  const rules = linux?.resources?.devices;
  if (rules === undefined && isRootless(OWN, "auto")) return [];
  if (allowsEverything(containerDeviceRules(rules, linux?.devices))) return [];
  return [rules === undefined ? "" : "linux.resources.devices"];
}

export const cgroups: Area = {
  name: "cgroups",
  features: [
    {
      name: "cgroup.mount",
      title: "cgroup v2",
      config: [EVERY_CONTAINER],
      probe() {
        const hybrid = / - cgroup /.test(readText("/proc/self/mountinfo"));
        return `${unifiedMount()}${hybrid ? ", beside cgroup v1" : ""}`;
      },
    },
    {
      name: "cgroup.create",
      title: "new cgroups",
      config: WANTS_CGROUP,
      places: wantsCgroup,
      async probe() {
        await using _ = new TrialCgroup();
        await removeAbandoned();
      },
    },
    {
      name: "cgroup.clone-into",
      title: "processes born in a cgroup: CLONE_INTO_CGROUP",
      config: WANTS_CGROUP,
      places: wantsCgroup,
      async probe(trial) {
        await using cgroup = new TrialCgroup();
        const child = cgroup.bear(trial);
        if (!pidsIn(cgroup.path).includes(child.pid))
          throw new Missing("clone3: the new process is in another cgroup");
      },
    },
    {
      name: "cgroup.kill",
      title: "the end of a whole cgroup: cgroup.kill",
      config: [],
      async probe(trial) {
        await using cgroup = new TrialCgroup();
        const child = cgroup.bear(trial);
        writeExisting(`${cgroup.path}/cgroup.kill`, "1");
        const status = trial.status(child.pid);
        if (status !== SIGKILL) throw new Missing(`cgroup.kill: the process ended with ${status}`);
      },
    },
    {
      name: "cgroup.freeze",
      title: "pause: cgroup.freeze",
      config: [],
      async probe(trial) {
        await using cgroup = new TrialCgroup();
        cgroup.bear(trial);
        if (!(await freeze(cgroup.path, PATIENCE_MS)))
          throw new Missing(
            `the processes in ${cgroup.path} did not all stop within ${PATIENCE_MS / 1000} seconds`,
          );
        thaw(cgroup.path);
      },
    },
    {
      name: "cgroup.pressure",
      title: "pressure of a cgroup (PSI)",
      config: [],
      async probe() {
        await using cgroup = new TrialCgroup();
        readText(`${cgroup.path}/cpu.pressure`);
      },
    },
    {
      name: "cgroup.devices",
      title: "device rules: eBPF programs",
      config: ["linux.resources.devices"],
      places: restrictedDevices,
      async probe(trial) {
        await using cgroup = new TrialCgroup();
        const child = cgroup.bear(trial);
        const openNull = openat(CWD, "/dev/null", O_RDWR);
        child.do(openNull);
        deny(cgroup.path);
        if (child.attempt(openNull) !== -ERRNO.EPERM)
          throw new Missing("bpf: a device that is denied can be opened");
      },
    },
    ...CONTROLLERS.map(controllerFeature),
  ],
};
