/** The findings as a picture: bars for what callers wait for, each as a share of what the slowest needs. */
import { CROWD, PROBES } from "./load.ts";
import { type Findings, NAMES } from "./report.ts";
import type { Contender, Measure } from "./samples.ts";

/** What is drawn, in words. */
const ROWS = {
  life: "create, start, kill, delete",
  containerdLife: "the same with containerd's config and profile",
  exec: "exec of /bin/true",
  run: "run of /bin/true",
  crowd: `${CROWD} containers at once, until all run`,
  containerd: "through containerd: create, start, kill, delete",
  probes: `processor time of ${PROBES} execs, all processes`,
} as const satisfies { readonly [M in Measure]?: string };

const SHOWN = ["warm", "tsrun", "crun", "runc"] as const satisfies readonly Contender[];

const [WIDTH, LEFT, RIGHT, BAR, GAP, TOP] = [860, 150, 90, 13, 34, 44];

const LIGHT = {
  ground: "#ffffff",
  ink: "#1f2530",
  faint: "#667085",
  warm: "#2f6fed",
  tsrun: "#9dbcf5",
  crun: "#b9bfca",
  runc: "#d5d9e0",
};
const DARK: typeof LIGHT = {
  ground: "#12151c",
  ink: "#e8ebf2",
  faint: "#98a2b3",
  warm: "#5b8ff5",
  tsrun: "#35538f",
  crun: "#5d6470",
  runc: "#3f4550",
};

const variables = (colours: typeof LIGHT) =>
  Object.entries(colours)
    .map(([name, colour]) => `--${name}:${colour}`)
    .join(";");

const STYLE = [
  `svg{${variables(LIGHT)};font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}`,
  `@media(prefers-color-scheme:dark){svg{${variables(DARK)}}}`,
  "text{fill:var(--ink)}.faint{fill:var(--faint)}.what{font-weight:600}.ground{fill:var(--ground)}",
  ...SHOWN.map((name) => `.${name}{fill:var(--${name})}`),
].join("");

/** A self-contained SVG page. What was not measured has no bar. */
export function picture({ circumstances, samples }: Findings): string {
  const parts: string[] = [];
  let y = TOP;
  for (const [measure, words] of Object.entries(ROWS) as [keyof typeof ROWS, string][]) {
    const found = SHOWN.flatMap((name) => {
      const median = samples.of(measure, name)?.median;
      return median === undefined ? [] : [{ name, median }];
    });
    if (found.length === 0) continue;
    parts.push(text(LEFT, y, words, "what"));
    y += 8;
    const most = Math.max(...found.map(({ median }) => median));
    for (const { name, median } of found) {
      const length = (median / most) * (WIDTH - LEFT - RIGHT);
      parts.push(
        text(LEFT - 10, y + BAR - 3, NAMES[name], "faint", "end"),
        `<rect class="${name}" x="${LEFT}" y="${y}" width="${length.toFixed(1)}" height="${BAR - 1}" rx="2"/>`,
        text(LEFT + length + 8, y + BAR - 3, `${median.toFixed(1)} ms`),
      );
      y += BAR + 1;
    }
    y += GAP - 8;
  }
  const versions = circumstances.filter((line) => /^(Linux|tsrun|crun|runc)\b/.test(line));
  const foot = versions.map((line, index) => text(LEFT, y + index * 16, line, "faint"));
  const height = y + versions.length * 16;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>How fast tsrun is beside crun and runc</title><style>${STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}"/>`,
    text(LEFT, 22, "milliseconds, medians; shorter is faster", "faint"),
    ...parts,
    ...foot,
    "</svg>\n",
  ].join("\n");
}

function text(x: number, y: number, words: string, kind = "", anchor = "start"): string {
  const escaped = words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text class="${kind}" x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}">${escaped}</text>`;
}
