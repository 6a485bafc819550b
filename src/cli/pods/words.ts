/** The words for a pod's parts that the tree and the pictures have in common. */
import type { NamespaceFile } from "../../container/pods/live.ts";
import { HOST, KINDS, type Member, type Pod, shares } from "../../container/pods/pods.ts";
import { oneLine } from "../output/log.ts";

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** `7.4 MB`, in powers of 1000. */
export function sizeText(bytes: number | null): string {
  if (bytes === null) return "-";
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 99.5 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[power]}`;
}

/** `3 d 4 h`, `2 h 7 min`, `5 min 2 s`, `12 s`. */
export function timeText(seconds: number | null): string {
  if (seconds === null) return "-";
  const whole = Math.max(0, Math.floor(seconds));
  const [days, hours] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24];
  const [minutes, rest] = [Math.floor(whole / 60) % 60, whole % 60];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${rest} s` : `${rest} s`;
}

/** A command line as it was typed, more or less, of at most `most` characters. */
export function commandText(words: readonly string[], most: number): string {
  const plain = words.map((word) => (/^[^\s"'\\]+$/.test(word) ? word : JSON.stringify(word)));
  return cut(oneLine(plain.join(" ")), most);
}

/** A text's beginning, if it is longer. */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** `stopped (exited with status 3)`. */
export function statusText({ status, ending }: Member): string {
  return ending === null ? status : `${status} (${ending.reason})`;
}

/** The kinds of namespaces that are worth a word when a container has the host's. */
const TELLING: readonly NamespaceFile[] = ["net", "ipc", "uts", "pid", "mnt"];

/** What a container shares: `net ipc uts`, and with whom where it is not all with the sandbox: `pid with web`. */
export function sharesText(member: Member, { sandbox, members }: Pod): string {
  const others = members.filter((other) => other !== member);
  const byPeers = new Map<string, string[]>();
  for (const { file } of KINDS) {
    const peers = others.filter((other) => shares(member, other, file));
    if (peers.length === 0) continue;
    const isUsual = member === sandbox || peers.some((peer) => peer === sandbox);
    const whom = isUsual ? "" : ` with ${peers.map(({ id }) => id).join(", ")}`;
    byPeers.set(whom, [...(byPeers.get(whom) ?? []), file]);
  }
  const shared = [...byPeers].map(([whom, files]) => `${files.join(" ")}${whom}`);
  const host = TELLING.filter((file) => member.has[file] === HOST);
  return [...shared, ...(host.length > 0 ? [`host's ${host.join(" ")}`] : [])].join("; ") || "-";
}
