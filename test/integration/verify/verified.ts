import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatJson } from "../../../runtime-spec/json.ts";
import { bundle, type JsonObject, type Patch } from "../../harness/bundle.ts";
import { cgroup2Mount, removeCgroups } from "../../harness/cgroups.ts";
import type { Container } from "../../harness/container.ts";
import { freshDirectory, uniqueId } from "../../harness/environment.ts";
import { command } from "../../harness/mount.ts";
import { type Outcome, runtime } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";

interface Finding {
  readonly path: string;
  readonly state: "same" | "differs" | "changed" | "unseen";
  readonly found: string;
  readonly asked: string;
}

export interface Verified {
  readonly outcome: Outcome;
  readonly findings: readonly Finding[];
  /** `PATH: FOUND` of what is not as it was asked for, by its state. */
  readonly differs: readonly string[];
  readonly changed: readonly string[];
  readonly unseen: readonly string[];
}

/** What `verify --json` finds of a container, by its id or by what else names it. */
export function verified(...of: readonly string[]): Verified {
  const outcome = runtime(["verify", "--json", ...of]);
  if (outcome.stderr !== "") throw new Error(outcome.stderr);
  const { findings } = JSON.parse(outcome.stdout) as { findings: readonly Finding[] }; // as documented
  const lines = (state: Finding["state"]) =>
    findings.filter((one) => one.state === state).map(({ path, found }) => `${path}: ${found}`);
  return {
    ...{ outcome, findings },
    ...{ differs: lines("differs"), changed: lines("changed"), unseen: lines("unseen") },
  };
}

/** Runs a shell's command as root in the container's namespaces of mounts and processes, with its root. */
export function inside(pid: number, script: string): void {
  command("nsenter", "--target", String(pid), "--mount", "--pid", "--root", "sh", "-c", script);
}

/** Changes a bundle's config.json after its container was made. */
export function edit({ path }: Container["bundle"], change: (config: ConfigText) => JsonObject): void {
  const file = join(path, "config.json");
  writeFileSync(file, formatJson(change(JSON.parse(readFileSync(file, "utf8")))));
}

/** A config.json as the tests change it. */
export interface ConfigText extends JsonObject {
  readonly process: JsonObject;
  readonly linux: JsonObject;
  readonly mounts: readonly JsonObject[];
}

/** Has a program find a host with nothing but cgroup v2: on a hybrid one, runc would use v1, and crun stumbles over it. */
const WITHOUT_CGROUP_V1 = `
  if [ "$1" != /sys/fs/cgroup ]; then
    mount -t tmpfs cgroups /mnt && mkdir /mnt/unified && mount --bind "$1" /mnt/unified &&
      umount --recursive --lazy /sys/fs/cgroup && mount --move /mnt/unified /sys/fs/cgroup && umount /mnt || exit
  fi
  shift
  exec "$@"
`;

/** crun can't load a device program without CAP_SYS_RESOURCE (setrlimit of RLIMIT_MEMLOCK): it makes no cgroups here. */
const GLOBAL = { runc: [], crun: ["--cgroup-manager=disabled"] } as const;

export interface Peer extends AsyncDisposable {
  readonly pid: number;
  readonly bundle: Container["bundle"];
}

/** A running container of another runtime. */
export async function startedBy(program: keyof typeof GLOBAL, patch: Patch): Promise<Peer> {
  const [made, id, state] = [
    bundle(program === "crun" ? withoutLimits(patch) : patch),
    uniqueId(),
    freshDirectory("peer"),
  ];
  const call = (...args: readonly string[]) => {
    const inner = ["sh", cgroup2Mount(), program, ...GLOBAL[program], "--root", state, ...args];
    const unshare = ["--mount", "--propagation", "private", "sh", "-c", WITHOUT_CGROUP_V1, ...inner];
    // A detached container keeps the streams.
    const { status } = spawnSync("unshare", unshare, { stdio: ["ignore", "ignore", "inherit"] });
    if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${status}`);
  };
  const pidFile = join(state, "pid");
  const remove = async () => {
    call("delete", "--force", id);
    await removeCgroups(id); // runc gives up when the kernel has not quite ended its process
  };
  call("run", "--detach", "--pid-file", pidFile, "--bundle", made.path, id);
  const pid = Number(readFileSync(pidFile, "utf8"));
  // crun is done before its init has loaded the filter.
  const runs = () => readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "sleep";
  await waitUntil(runs, "the program runs");
  return { pid, bundle: made, [Symbol.asyncDispose]: remove };
}

function withoutLimits(patch: Patch): Patch {
  const linux = patch["linux"] as JsonObject | undefined; // as in bundle.ts
  return { ...patch, linux: { ...linux, resources: { devices: [{ allow: true, access: "rwm" }] } } };
}
