/** Pods as a tree for people, and as JSON for programs. */
import { HOST, KINDS, type Member, type Pod } from "../../container/pods/pods.ts";
import { oneLine, plainJson } from "../output/log.ts";
import { table } from "../output/output.ts";
import { commandText, sharesText, sizeText, statusText, timeText } from "./words.ts";

const COMMAND_WIDTH = 60;
const HEAD = ["CONTAINER", "STATUS", "PID", "UPTIME", "MEMORY", "PROCS", "SHARES"] as const;

/** A line for each container, those of a pod below its sandbox. With `roots` also whose it is. */
export function treeOf(pods: readonly Pod[], roots: boolean): string {
  const rows = pods.flatMap((pod) => pod.members.map((member) => rowOf(member, pod, roots)));
  return table([[...HEAD, ...(roots ? ["RUNTIME", "ROOT"] : []), "COMMAND"], ...rows]);
}

function rowOf(member: Member, pod: Pod, roots: boolean): readonly string[] {
  const { id, name, init, status, uptime, memory, processes, runtime, root, command } = member;
  const branch =
    pod.sandbox === null || pod.sandbox === member ? "" : member === pod.members.at(-1) ? "└─ " : "├─ ";
  const called = member === pod.sandbox && pod.name !== id ? `pod ${pod.name}` : name;
  return [
    `${branch}${oneLine(id)}${called === "" ? "" : ` (${oneLine(called)})`}`,
    oneLine(statusText(member)),
    status === "stopped" ? "-" : String(init?.pid ?? "-"),
    ...[timeText(uptime), sizeText(memory), status === "stopped" ? "-" : String(processes)],
    oneLine(sharesText(member, pod)),
    ...(roots ? [runtime, oneLine(root)] : []),
    commandText(command, COMMAND_WIDTH),
  ];
}

/** A list of pods with their containers. Times are in seconds, sizes in bytes. */
export function podsJson(pods: readonly Pod[]): string {
  const all = pods.map(({ name, sandbox, members }) => ({
    name,
    sandbox: sandbox?.id ?? null,
    containers: members.map(containerJson),
  }));
  return `${plainJson(JSON.stringify(all))}\n`;
}

function containerJson(member: Member) {
  const { id, name, runtime, root, status, init, bundle, rootfs, created, owner } = member;
  const { uptime, memory, processes, command, ending, has } = member;
  return {
    ...{ id, ...(name === "" ? {} : { name }), runtime, root },
    ...{ status, pid: status === "stopped" ? 0 : (init?.pid ?? 0), bundle, rootfs, created, owner },
    ...{ uptime: uptime === null ? null : Math.floor(uptime), memory, processes, command },
    namespaces: Object.fromEntries(
      KINDS.flatMap(({ file, type }) => {
        const found = has[file];
        return found === undefined || (found !== HOST && !found.includes(":[")) ? [] : [[type, found]];
      }),
    ),
    ...(ending === null ? {} : { ended: ending }),
  };
}
