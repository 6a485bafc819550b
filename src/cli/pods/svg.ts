/**
 * Pods as a picture: a frame for each, a column for each container, a lane for each kind of namespace. A bar over
 * several columns is one namespace that these containers share. The file needs nothing else: no font, no script; its
 * colours are those of a light page, or of a dark one where the reader prefers that.
 */
import { HOST, KINDS, type Member, type Pod, shares } from "../../container/pods/pods.ts";
import { oneLine } from "../output/log.ts";
import { commandText, cut, sizeText, statusText, timeText } from "./words.ts";

/** Lengths in the picture's units, which are pixels until it is scaled. */
const PAGE = { margin: 24, width: 1280, gap: 20 } as const;
const FRAME = { pad: 18, title: 34, labels: 78 } as const;
const COLUMN = { width: 204, gap: 14, head: 92, afterHead: 14 } as const;
const LANE = { height: 32, bar: 22 } as const;
const LEGEND = 34;

/** How many characters fit in a column: of names, of smaller text. */
const FITS = { name: 24, small: 30, command: 26 } as const;

type Kind = (typeof KINDS)[number];

/** Of a bar over several columns: on a light page, and on a dark one. */
const COLOURS: { readonly [file in Kind["file"]]: readonly [light: string, dark: string] } = {
  net: ["#2563eb", "#5b8def"],
  ipc: ["#0d9488", "#2bb5a8"],
  uts: ["#15803d", "#4caf6d"],
  pid: ["#c2410c", "#e07b4a"],
  mnt: ["#7c3aed", "#a07cf0"],
  user: ["#be185d", "#dd5b92"],
  cgroup: ["#854d0e", "#b98a3f"],
  time: ["#475569", "#8796ab"],
};

const STYLE = `
text{font:13px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2937}
.page{fill:#ffffff}.frame{fill:#f6f8fb;stroke:#d3dae5}.card{fill:#ffffff;stroke:#c3ccd9}
.title{font-size:15px;font-weight:600}.name{font-weight:600}
.small{font-size:11.5px;fill:#5b6675}.command{font:11.5px ui-monospace,Menlo,Consolas,monospace;fill:#374151}
.bar{font-size:11.5px;fill:#ffffff}.own{fill:none;stroke:#9aa5b4}.host{fill:none;stroke:#9aa5b4;stroke-dasharray:4 3}
.stopped{opacity:.55}.bad{fill:#b91c1c}
${KINDS.map(({ file }) => `.${file}{fill:${COLOURS[file][0]};stroke:${COLOURS[file][0]}}`).join("")}
@media (prefers-color-scheme:dark){
text{fill:#e5e9f0}.page{fill:#12161d}.frame{fill:#1a2029;stroke:#323b49}.card{fill:#222a35;stroke:#3f4a5a}
.small{fill:#9ba6b6}.command{fill:#c6cedb}.bar{fill:#0b0e13}.own,.host{stroke:#66727f}.bad{fill:#f28b82}
${KINDS.map(({ file }) => `.${file}{fill:${COLOURS[file][1]};stroke:${COLOURS[file][1]}}`).join("")}
}`;

export function svgOf(pods: readonly Pod[]): string {
  const lanes = KINDS.filter(({ file }) => file !== "time" || pods.some((pod) => hasOwn(pod, file)));
  const { placed, width, height } = laidOut(pods, lanes.length);
  const words = pods.map(inWords).join(" ");
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escaped(pods.length === 1 ? `Pod ${pods[0]?.name}` : "Containers and the namespaces that they share")}</title>
<desc>${escaped(words)}</desc>
<style>${STYLE}</style>
<rect class="page" width="${width}" height="${height}"/>
${placed.map(({ pod, x, y }) => `<g transform="translate(${x} ${y})">\n${frame(pod, lanes)}</g>\n`).join("")}${legend(height)}
</svg>
`;
}

const hasOwn = ({ members }: Pod, file: Kind["file"]) => members.some(({ has }) => has[file] !== HOST);

/** For those who hear the picture. */
function inWords({ name, sandbox, members }: Pod): string {
  const ids = members.map((member) => member.name || member.id).join(", ");
  if (sandbox === null) return `Container ${ids} shares no namespace.`;
  const shared = KINDS.filter(({ file }) => members.every((one) => shares(one, sandbox, file)));
  return `Pod ${name}: ${ids}; all share ${shared.map(({ type }) => type).join(", ") || "no namespace"}.`;
}

// ---- Where things are ----

interface Placed {
  readonly pod: Pod;
  readonly x: number;
  readonly y: number;
}

/** Frames side by side, in as many rows as they need. */
function laidOut(pods: readonly Pod[], lanes: number) {
  const placed: Placed[] = [];
  const { margin, gap } = PAGE;
  let x: number = margin;
  let y: number = margin;
  let width = 420;
  for (const pod of pods) {
    if (x > margin && x + widthOf(pod) > PAGE.width - margin) [x, y] = [margin, y + heightOf(lanes) + gap];
    placed.push({ pod, x, y });
    width = Math.max(width, x + widthOf(pod) + margin);
    x += widthOf(pod) + gap;
  }
  const bottom = pods.length === 0 ? margin : y + heightOf(lanes);
  return { placed, width, height: bottom + LEGEND + margin / 2 };
}

const columnX = (index: number) => FRAME.pad + FRAME.labels + index * (COLUMN.width + COLUMN.gap);
const widthOf = ({ members }: Pod) => columnX(members.length) - COLUMN.gap + FRAME.pad;
const lanesY = FRAME.title + COLUMN.head + COLUMN.afterHead;
const heightOf = (lanes: number) => lanesY + lanes * LANE.height + FRAME.pad - (LANE.height - LANE.bar);

/** The sandbox first; beside each other those that have the same in common with others. */
function columnsOf({ sandbox, members }: Pod): readonly Member[] {
  if (sandbox === null) return members;
  const others = members.filter((member) => member !== sandbox);
  const common = (one: Member, { file }: Kind) =>
    shares(one, sandbox, file)
      ? "0"
      : others.some((other) => other !== one && shares(one, other, file))
        ? `1${one.has[file]}`
        : "2";
  const order = new Map(others.map((one) => [one, KINDS.map((kind) => common(one, kind)).join()] as const));
  const sorted = others.toSorted((one, other) =>
    (order.get(one) ?? "").localeCompare(order.get(other) ?? ""),
  );
  return [sandbox, ...sorted];
}

// ---- What is drawn ----

function frame(pod: Pod, lanes: readonly Kind[]): string {
  const columns = columnsOf(pod);
  const title = pod.sandbox === null ? "container" : `pod ${pod.name}`;
  return [
    `<rect class="frame" width="${widthOf(pod)}" height="${heightOf(lanes.length)}" rx="12"/>`,
    text(FRAME.pad, 24, "title", title),
    ...columns.map((member, index) => card(member, pod, index)),
    ...lanes.flatMap((kind, index) => lane(kind, lanesY + index * LANE.height, columns)),
    "",
  ].join("\n");
}

function card(member: Member, { sandbox, name }: Pod, index: number): string {
  const { id, status, uptime, memory, processes, command } = member;
  const [x, y] = [columnX(index) + 12, FRAME.title];
  const shortId = /^[\da-f]{32,}$/.test(id) ? id.slice(0, 12) : id;
  const title =
    member === sandbox ? (name === id || member.name === "" ? shortId : "sandbox") : member.name || shortId;
  const use =
    uptime === null ? "" : `${sizeText(memory)} · ${processes} process${processes === 1 ? "" : "es"}`;
  const isBad = member.ending !== null && member.ending.exitStatus !== 0;
  return [
    `<g${status === "stopped" ? ' class="stopped"' : ""}><title>${escaped(id)}</title>`,
    `<rect class="card" x="${columnX(index)}" y="${y}" width="${COLUMN.width}" height="${COLUMN.head}" rx="8"/>`,
    text(x, y + 22, "name", cut(title, member === sandbox ? FITS.name - 8 : FITS.name)),
    ...(member === sandbox
      ? [text(columnX(index) + COLUMN.width - 12, y + 22, "small", "sandbox", "end")]
      : []),
    text(x, y + 43, "command", commandText(command, FITS.command)),
    text(
      x,
      y + 63,
      isBad ? "small bad" : "small",
      cut([statusText(member), ...(uptime === null ? [] : [timeText(uptime)])].join(" · "), FITS.small),
    ),
    ...(use === "" ? [] : [text(x, y + 81, "small", use)]),
    "</g>",
  ].join("\n");
}

/** The bars of a kind: one for each namespace, over the columns of those that have it. */
function lane({ file, type }: Kind, y: number, columns: readonly Member[]): readonly string[] {
  const bars: string[] = [];
  for (const [index, member] of columns.entries()) {
    const before = columns.slice(0, index);
    if (before.some((other) => other.has[file] === member.has[file])) continue;
    const having = columns.flatMap((other, place) => (other.has[file] === member.has[file] ? [place] : []));
    if (member.status === "stopped" && having.length === 1) continue; // one of its own went with it
    bars.push(bar(file, y, having, member.has[file] ?? ""));
  }
  return [text(FRAME.pad, y + 15, "small", type), ...bars];
}

/** One namespace; where other containers stand between those that share it, a line leads behind them. */
function bar(file: Kind["file"], y: number, having: readonly number[], namespace: string): string {
  const [first = 0] = having;
  const last = having.at(-1) ?? first;
  const isHost = namespace === HOST;
  const look = isHost ? "host" : having.length > 1 ? file : "own";
  const words = isHost ? "the host’s" : having.length > 1 ? `shared by ${having.length}` : "its own";
  const [, inode] = /\[(\d+)\]$/.exec(namespace) ?? [];
  const runs = runsOf(having);
  const middle = y + LANE.bar / 2;
  return [
    ...(runs.length > 1 && !isHost
      ? [`<path class="${look}" stroke-width="3" d="M${columnX(first) + 9} ${middle}H${columnX(last) + 9}"/>`]
      : []),
    ...runs.map(([from, to]) => {
      const width = columnX(to) - columnX(from) + COLUMN.width;
      const at = columnX(from) + width / 2;
      const shown = inode === undefined ? words : `${words} · ${inode}`;
      return (
        `<rect class="${look}" x="${columnX(from)}" y="${y}" width="${width}" height="${LANE.bar}" rx="${LANE.bar / 2}"/>` +
        text(at, y + 15.5, look === file ? "bar" : "small", shown, "middle")
      );
    }),
  ].join("\n");
}

/** Numbers as ranges: 0, 1, 3 are [0, 1] and [3, 3]. */
function runsOf(numbers: readonly number[]): readonly (readonly [from: number, to: number])[] {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === number - 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}

function legend(height: number): string {
  const y = height - LEGEND + 6;
  const entry = (x: number, look: string, words: string) =>
    `<rect class="${look}" x="${x}" y="${y}" width="26" height="12" rx="6"/>${text(x + 34, y + 10, "small", words)}`;
  const { margin } = PAGE;
  return [
    entry(margin, "net", "one namespace, shared"),
    entry(margin + 196, "own", "its own"),
    entry(margin + 290, "host", "the host’s"),
  ].join("\n");
}

function text(x: number, y: number, look: string, words: string, anchor = "start"): string {
  const anchored = anchor === "start" ? "" : ` text-anchor="${anchor}"`;
  return `<text x="${x}" y="${y}" class="${look}"${anchored}>${escaped(words)}</text>`;
}

/** Text of XML; control characters, which XML does not know, are spelled out. */
function escaped(plain: string): string {
  const safe = oneLine(plain).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return safe.toWellFormed().replace(/[\ufffe\uffff]/g, "\ufffd");
}
