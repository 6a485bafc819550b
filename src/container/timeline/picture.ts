/** A timeline as one SVG, light or dark as the reader likes it. What a span is, its tooltip (`title`) says. */
import { CALL_KINDS, type Kind } from "./kinds.ts";
import { duration, effort, isCall, type Row, rowsOf, ticks } from "./layout.ts";
import { STYLE } from "./style.ts";
import type { Span, Timeline, Track } from "./timeline.ts";

interface PictureOptions {
  /** Draws spans that are too narrow to be seen as one; a page that can be enlarged needs each of them. */
  readonly merge: boolean;
}

/** In pixels. */
const WIDTH = 1600;
const LEFT = 150;
/** Of the name of a track, whose characters are a little wider than those in bars. */
const NAME_ROOM = LEFT - 36;
const PLOT = WIDTH - LEFT - 20;
const ROW = 20;
const BAR = 18;
const TRACK_GAP = 14;
const HEADER = 64;
const AXIS = 24;
const LINE = 20;
/** Of the title, whose characters are twice as wide as those in bars. */
const TITLE_ROOM = WIDTH / 2;

/** Of a character in a bar, in the widest of the fonts that may be used. */
const CHARACTER = 6.7;

/** Narrower spans are drawn together with their neighbours, up to the width of one that can be pointed at. */
const NARROW = 1.5;
const POINTABLE = 3;
/** Titles in the tooltip of such spans. */
const MOST_TITLES = 15;

/** How many calls are listed as those that took longest. */
const LONGEST = 10;

const LEGEND: readonly (readonly [kind: Kind | "failed", words: string])[] = [
  ["phase", "phase"],
  ["property", "property of config.json"],
  ...Object.keys(CALL_KINDS).map((kind) => [kind as Kind, kind] as const), // keys of the table
  ["program", "another program"],
  ["wait", "waits"],
  ["failed", "failed"],
];

/** The picture of commands, on one time axis: the text of an SVG file, or of an element in a page. */
export function picture(commands: readonly Timeline[], { merge }: PictureOptions): string {
  const from = Math.min(...commands.map((one) => one.from));
  const length = Math.max(1, ...commands.map(({ to }) => to - from));
  const failures = commands.flatMap(({ failure }) => failure);
  const draw: Draw = { from, scale: PLOT / length, merge };
  const top = HEADER + failures.length * (LINE + 4) + AXIS;
  const body: string[] = [];
  let y = top;
  for (const [at, command] of commands.entries()) {
    if (at > 0) y += TRACK_GAP;
    for (const [index, track] of command.tracks.entries()) {
      const name = commands.length > 1 && index === 0 ? command.name.replace(/^tsrun /, "") : track.name;
      const drawn = trackParts({ name, spans: track.spans }, y, draw, index === 0 ? command : null);
      body.push(...drawn.parts);
      y = drawn.end;
    }
  }
  const longest = longestCalls(commands, y + 52);
  const name = xml(nameOf(commands));
  const size = `viewBox="0 0 ${WIDTH} ${longest.end}" width="${WIDTH}" height="${longest.end}"`;
  const data = `data-length="${number(length)}" data-left="${LEFT}" data-plot="${PLOT}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="${name}" ${data}>`,
    `<style>${STYLE}</style>`,
    HATCH,
    `<rect class="ground" width="${WIDTH}" height="${longest.end}"/>`,
    header(commands, from, length),
    ...failures.map((line, index) => text(24, HEADER + 10 + index * LINE, cut(line, 1350), "error")),
    axis(length, top, y, draw.scale),
    ...body,
    ...commands.map((command) => failureMark(command, top, y, draw)),
    legend(y + 8),
    ...longest.parts,
    "</svg>\n",
  ].join("\n");
}

/** What waits is hatched. */
const HATCH =
  '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch-ground" width="6" height="6"/><rect class="hatch-line" width="2" height="6"/></pattern></defs>';

/** `tsrun create web, start web` */
export const nameOf = (commands: readonly Timeline[]): string =>
  commands.map(({ name }, index) => (index === 0 ? name : name.replace(/^tsrun /, ""))).join(", ");

interface Draw {
  readonly from: number;
  /** Pixels of a microsecond. */
  readonly scale: number;
  readonly merge: boolean;
}

function header(commands: readonly Timeline[], from: number, length: number): string {
  const began = new Date(from / 1000).toISOString().replace("T", " ").replace("Z", " UTC");
  const spans = commands.flatMap(({ tracks }) => tracks.flatMap((track) => track.spans));
  const traces = [...new Set(commands.map(({ trace }) => trace.traceId))];
  const trace = traces.length === 1 ? `trace ${traces[0]}` : `${traces.length} traces`;
  const said = `${duration(length)}, ${spans.filter(isCall).length} system calls · ${began} · ${trace}`;
  return `${text(24, 30, cut(nameOf(commands), TITLE_ROOM), "name")}${text(24, 50, said, "said")}`;
}

/** A track; `command` is that whose own it is. */
function trackParts({ name, spans }: Track, y: number, draw: Draw, command: Timeline | null) {
  const rows = rowsOf(spans);
  const height = Math.max(rows.length, 1) * ROW;
  const parts = [
    `<rect class="track" x="0" y="${y}" width="${WIDTH}" height="${height + TRACK_GAP - 4}"/>`,
    text(16, y + 19, cut(name, NAME_ROOM), "track-name"),
    text(16, y + 34, rows.length > 1 ? effort(spans, command) : "", "track-effort"),
    ...rows.flatMap((row, depth) => bars(row, y + 5 + depth * ROW, draw)),
  ];
  return { parts, end: y + height + TRACK_GAP };
}

function bars(row: Row, y: number, draw: Draw): readonly string[] {
  const groups = draw.merge ? merged(row, draw) : row.map((span) => [span]);
  return groups.map((group) => bar(group, y, draw));
}

/** Neighbours that are too narrow to be seen, together. */
function merged(row: Row, { scale }: Draw): readonly (readonly Span[])[] {
  const groups: Span[][] = [];
  for (const span of row) {
    const last = groups.at(-1);
    const [first] = last ?? [];
    const isNarrow = ({ from, to, failed }: Span) => (to - from) * scale < NARROW && !failed;
    const fits =
      first !== undefined &&
      isNarrow(first) &&
      isNarrow(span) &&
      isCall(first) === isCall(span) &&
      (span.to - first.from) * scale <= POINTABLE;
    if (fits) last?.push(span);
    else groups.push([span]);
  }
  return groups;
}

function bar(group: readonly Span[], y: number, { from, scale }: Draw): string {
  const [first] = group;
  if (first === undefined) return "";
  const at = first.from - from;
  const length = Math.max(...group.map((span) => span.to)) - first.from;
  const { kind } = group.reduce((most, span) => (span.to - span.from > most.to - most.from ? span : most));
  const failed = first.failed && group.length === 1;
  const width = Math.max(length * scale, failed && first.kind !== "phase" ? 3 : 0.6);
  const x = LEFT + at * scale;
  const label = group.length === 1 ? cut(first.name, width - 6) : "";
  const letters = label === "" ? "" : text(x + 4, y + 13, label);
  const marks = failed ? " failed" : "";
  const times = `data-a="${number(at)}" data-d="${number(length)}" data-n="${xml(group.length === 1 ? first.name : "")}"`;
  return `<g class="s ${kind}${marks}" ${times}><title>${xml(tooltip(group, at, length))}</title><rect x="${number(x)}" y="${y}" width="${number(width)}" height="${BAR}"/>${letters}</g>`;
}

/** `openat2($11, ".", …) = 12`, then when, how long, and for what. */
function tooltip(group: readonly Span[], at: number, length: number): string {
  const [first] = group;
  const when = `${duration(length)}, ${duration(at)} after the beginning`;
  if (first !== undefined && group.length === 1) {
    const owner = first.owner === "" ? [] : [`for ${first.owner.replace(/: error running .*/, "")}`];
    return [first.title, when, ...(isCall(first) ? owner : [])].join("\n");
  }
  const titles = group.slice(0, MOST_TITLES).map(({ title }) => title);
  const more = group.length > MOST_TITLES ? [`… and ${group.length - MOST_TITLES} more`] : [];
  return [`${group.length} together: ${when}`, ...titles, ...more].join("\n");
}

function axis(length: number, top: number, bottom: number, scale: number): string {
  const marks = ticks(length, 14).map(({ at, label }) => {
    const x = number(LEFT + at * scale);
    return `<line x1="${x}" x2="${x}" y1="${top - 4}" y2="${bottom}"/>${text(Number(x) + 3, top - 9, label)}`;
  });
  return `<g class="axis" data-top="${top}" data-bottom="${bottom}">${marks.join("")}</g>`;
}

/** A line where the first thing failed that ended a command. */
function failureMark({ tracks }: Timeline, top: number, bottom: number, { from, scale }: Draw): string {
  const failed = tracks.flatMap(({ spans }) => spans).filter((span) => span.failed && isCall(span));
  const [first] = failed.toSorted((a, b) => a.from - b.from);
  if (first === undefined) return "";
  const at = first.to - from;
  const x = number(LEFT + at * scale);
  return `<line class="failure" data-a="${number(at)}" x1="${x}" x2="${x}" y1="${top - 4}" y2="${bottom}"/>`;
}

function legend(y: number): string {
  let x = LEFT;
  const parts = LEGEND.map(([kind, words]) => {
    const one = `<g class="key ${kind}"><rect x="${x}" y="${y}" width="14" height="14"/>${text(x + 19, y + 12, words)}</g>`;
    x += 38 + words.length * CHARACTER;
    return one;
  });
  return `<g class="legend">${parts.join("")}</g>`;
}

/** The calls that took longest, with a bar each: what single narrow spans can't show. */
function longestCalls(commands: readonly Timeline[], y: number) {
  const tracks = commands.flatMap((command) => command.tracks);
  const calls = tracks.flatMap(({ name, spans }) => spans.filter(isCall).map((span) => ({ name, span })));
  const lasted = ({ span: { from, to } }: (typeof calls)[number]) => to - from;
  const listed = calls.toSorted((a, b) => lasted(b) - lasted(a)).slice(0, LONGEST);
  const most = Math.max(1, ...listed.map(lasted));
  const parts = listed.map(({ name, span }, index) => {
    const top = y + 18 + index * LINE;
    const width = number(Math.max(1, ((span.to - span.from) / most) * 100));
    const owner =
      span.owner === "" ? "" : ` · ${span.owner.replace(/^config\.json: |: error running .*/g, "")}`;
    return [
      `<g class="long ${span.kind}${span.failed ? " failed" : ""}"><title>${xml(span.title)}</title>`,
      `<rect x="${LEFT}" y="${top - 11}" width="${width}" height="13"/>`,
      text(LEFT + 110, top, duration(span.to - span.from), "amount"),
      text(LEFT + 180, top, name, "who"),
      text(LEFT + 300, top, cut(`${span.title}${owner}`, PLOT - 310)),
      "</g>",
    ].join("");
  });
  return {
    parts: [text(16, y + 18, "took longest", "track-name"), ...parts],
    end: y + 30 + listed.length * LINE,
  };
}

const text = (x: number, y: number, words: string, kind = ""): string =>
  words === ""
    ? ""
    : `<text${kind === "" ? "" : ` class="${kind}"`} x="${number(x)}" y="${number(y)}">${xml(words)}</text>`;

/** As much of a text as fits; nothing if that is next to nothing. */
function cut(words: string, width: number): string {
  const most = Math.floor(width / CHARACTER);
  if (words.length <= most) return words;
  return most < 3 ? "" : `${words.slice(0, most - 1)}…`;
}

const number = (value: number): string => String(Math.round(value * 100) / 100);

/** Whatever a config names: no markup, and no character that XML can't hold or a terminal obeys. */
export const xml = (words: string): string =>
  words
    .replace(/[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
