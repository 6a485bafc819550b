/**
 * What people who know docker or podman type, and what does the same here. Loaded only for a command line that can't be
 * understood.
 */
import type { CommandName } from "./table.ts";
import { UsageError } from "./usage-error.ts";

/** By the words that are typed, with spaces between those that mean the same: what to type instead. */
type Habits = { readonly [words: string]: string };

const IMAGES =
  "tsrun keeps no images: skopeo copy docker://IMAGE oci:DIR fetches one, and tsrun unpack DIR BUNDLE makes a bundle from it";
const FROM_A_FILE =
  "tsrun unpack FILE BUNDLE makes a bundle from what docker save writes: docker save IMAGE | tsrun unpack - BUNDLE";
const IN_SPEC = "is in config.json, and tsrun spec";
const LIMITS = "limits are in config.json: linux.resources; or, once it runs: tsrun update";

export const COMMANDS: Habits = {
  stop: "to stop a container: tsrun kill ID TERM, then tsrun delete ID",
  "rm remove": "to remove a container: tsrun delete ID, or tsrun delete --force ID while it runs",
  restart: "to restart a container: tsrun delete --force ID, then tsrun run --detach --bundle DIR ID",
  ls: "to list the containers: tsrun list",
  inspect: "to see a container's state: tsrun state ID; the rest is config.json in its bundle",
  top: "to see a container's processes: tsrun ps ID; what all containers use: tsrun list --tree",
  stats: "to see what a container uses: tsrun events ID, or tsrun events --stats ID once",
  unpause: "to let a paused container go on: tsrun resume ID",
  attach: "to see a container's output: tsrun logs -f ID, after tsrun run --detach --output FILE ID",
  wait: "to wait for a container's end: tsrun run ID without --detach, or tsrun events ID",
  cp: "to copy a file out of a container: tsrun exec ID cat FILE >FILE",
  "mount umount":
    "to change the mounts of a container that runs: tsrun mounts add ID FILE, tsrun mounts remove ID FILE",
  debug: "to get a shell in an image that has none: tsrun exec --tools DIR ID sh",
  nsenter: "to enter any container by the pid of one of its processes: tsrun exec --pid PID COMMAND",
  commit: "a container's changes are in the directory root.path of its bundle: there is nothing to commit",
  diff: "a container's changes are in the directory root.path of its bundle",
  port: "no ports are published: a container has those of its network namespace",
  "network volume":
    "networks and volumes are made elsewhere: config.json names them in linux.namespaces and mounts",
  "pod pods": "to see pods: tsrun list --tree; to join one: tsrun spec --sandbox POD",
  container: "leave that word out: tsrun list, tsrun delete ID, …",
  rename: "a container's id can't change: tsrun delete ID, then tsrun run --detach --bundle DIR NEW-ID",
  export: "a container's files are in the directory root.path of its bundle: tar -C DIR -c . >FILE",
  "compose play generate": "containers are made one at a time: tsrun spec --sandbox POD puts one into a pod",
  "system prune": "only containers are kept: tsrun list shows them, tsrun delete ID removes one",
  "load import": FROM_A_FILE,
  "image images pull push build login rmi save tag search history": IMAGES,
  info: "to see what is supported: tsrun features; what this machine can do: tsrun check",
  version: "to see the version: tsrun --version",
};

const MAKING: Habits = {
  "-i -t -it -ti -itd -dit --interactive --tty":
    "standard input is the caller's anyway, and process.terminal in config.json gives a terminal: leave it out",
  "--rm": "run deletes the container when it has ended, unless --keep is given: leave it out",
  "-v --volume --mount --tmpfs":
    "a mount is in config.json, and tsrun spec --mount type=bind,source=DIR,target=DIR writes one",
  "-e --env --env-file": `the environment ${IN_SPEC} --env NAME=VALUE adds to it`,
  "-w --workdir --cwd": `the working directory ${IN_SPEC} --cwd DIR sets it`,
  "--rootfs": `the root file system ${IN_SPEC} --rootfs DIR sets it`,
  "--entrypoint": `the command ${IN_SPEC} -- COMMAND sets it`,
  "-u --user": "the user is in config.json: process.user",
  "--name": "the name is the argument ID",
  "--hostname": "the host name is in config.json: hostname",
  "--read-only": "that is in config.json: root.readonly",
  "--privileged --cap-add --cap-drop": "capabilities are in config.json: process.capabilities",
  "--device": "devices are in config.json: linux.devices, and linux.resources.devices allows them",
  "--pod": `the namespaces of a pod are in config.json, and tsrun spec --sandbox POD writes them`,
  "-p --publish -P --publish-all --expose":
    "no ports are published: a container has those of its network namespace",
  "--network --net": "the network is in config.json: linux.namespaces",
  "-m --memory --cpus -c --cpu-shares --cpuset-cpus --memory-swap --pids-limit": LIMITS,
  "--restart --init --pull --platform": "tsrun has nothing like it: leave it out",
  "[ARG]": `the command ${IN_SPEC} -- COMMAND sets it`,
};

/** As kill(1) has them. */
const SIGNAL_WORDS = "-1 -2 -3 -9 -15 -HUP -INT -QUIT -KILL -TERM -SIGHUP -SIGINT -SIGQUIT -SIGKILL -SIGTERM";

const LISTS = "to list the containers: tsrun list, or tsrun list --tree";

const IN_A_BUNDLE = "name the bundle with --bundle DIR";
const ONE = "name one container at a time";

/** Flags that a command hasn't got, and an argument that it needs (ID), or that is one too many ([ARG]). */
export const FLAGS: { readonly [C in CommandName]?: Habits } = {
  create: MAKING,
  run: MAKING,
  exec: {
    "-i -it -ti --interactive":
      "standard input is the caller's anyway: leave out the i; --tty gives a terminal",
    "-w --workdir": "to choose the working directory: --cwd PATH",
    "--privileged": "to add a capability: --cap CAPABILITY",
  },
  ps: {
    "-ef -aux -o -eo -fo": "options of ps(1) follow the container: tsrun ps ID -ef",
    "ID -a -aq -q -l --all --quiet": LISTS,
  },
  list: { "-aq --all": "all containers are listed anyway: leave it out" },
  kill: {
    "-s --signal": "the signal follows the container: tsrun kill ID SIGNAL",
    [SIGNAL_WORDS]: "the signal follows the container, without a dash: tsrun kill ID SIGNAL",
  },
  delete: { "-v --volumes": "a container has no volumes of its own: leave it out", "[ARG]": ONE },
  start: { "[ARG]": ONE },
  state: { "[ARG]": ONE },
  pause: { "[ARG]": ONE },
  resume: { "[ARG]": ONE },
  validate: { "[ARG]": IN_A_BUNDLE },
  check: { "[ARG]": IN_A_BUNDLE },
  logs: {
    "-n --tail": "the last lines: tsrun logs ID | tail -n N",
    "-t --timestamps --since --until": "the file of --output has only what was printed, without times",
  },
  mounts: { ID: "it is tsrun mounts list ID, tsrun mounts add ID FILE or tsrun mounts remove ID FILE" },
  update: {
    "-m": "the limit of memory: --memory SIZE",
    "--cpus": "the limit of processor time: --cpu-quota 50000 --cpu-period 100000 is half a processor",
    "-c --cpu-shares": "the weight against others: --cpu-share N",
  },
};

/** The same error with what to type here, where a habit is the reason; else as it was. */
export function inOtherWords(error: UsageError): UsageError {
  const { command, word, bare, globals } = error;
  const habits = command === undefined ? COMMANDS : (FLAGS[command] ?? {});
  const [, instead] = Object.entries(habits).find(([words]) => words.split(" ").includes(word)) ?? [];
  if (instead === undefined) return error;
  return new UsageError(command, bare, globals, { word, guess: `: ${instead}`, suffices: true });
}
