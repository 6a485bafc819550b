/** The style of the picture: colours by kind, light and dark. */

const LIGHT = {
  ground: "#ffffff",
  ink: "#1f2530",
  faint: "#667085",
  line: "#e4e7ee",
  track: "#f7f8fb",
  phase: "#dbe2ee",
  property: "#b8c8e6",
  mounts: "#6f9df2",
  files: "#4fb89c",
  processes: "#cf8ee0",
  rights: "#eba24f",
  memory: "#a3a8bd",
  messages: "#d6c04a",
  program: "#9bd184",
  hatch: "#eceef2",
  stripe: "#c9ced8",
  failed: "#d92d20",
};

const DARK: typeof LIGHT = {
  ground: "#12151c",
  ink: "#e8ebf2",
  faint: "#98a2b3",
  line: "#2a303c",
  track: "#181c25",
  phase: "#384254",
  property: "#4a6190",
  mounts: "#4f7edb",
  files: "#2f917a",
  processes: "#a863bb",
  rights: "#bd7a2c",
  memory: "#6b7188",
  messages: "#94831f",
  program: "#548f42",
  hatch: "#20252f",
  stripe: "#363d4a",
  failed: "#f04438",
};

const variables = (colours: typeof LIGHT) =>
  Object.entries(colours)
    .map(([name, colour]) => `--${name}:${colour}`)
    .join(";");

const KINDS = [
  "phase",
  "property",
  "mounts",
  "files",
  "processes",
  "rights",
  "memory",
  "messages",
  "program",
];

export const STYLE = [
  `svg,body{${variables(LIGHT)}}`,
  `@media(prefers-color-scheme:dark){svg,body{${variables(DARK)}}}`,
  `svg{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}`,
  "text{fill:var(--ink);white-space:pre}",
  ".ground{fill:var(--ground)}.track{fill:var(--track)}",
  ".name{font-size:20px;font-weight:600}.said,.track-effort,.who{fill:var(--faint)}",
  ".track-name{font-size:13px;font-weight:600}.track-effort{font-size:10px}.amount{text-anchor:start}",
  ".axis line{stroke:var(--line)}.axis text{fill:var(--faint)}",
  ".hatch-ground{fill:var(--hatch)}.hatch-line{fill:var(--stripe)}",
  ".s text{pointer-events:none}.s:hover rect{stroke:var(--ink);stroke-width:1.2}",
  ...KINDS.map((kind) => `.${kind} rect{fill:var(--${kind})}`),
  ".wait rect{fill:url(#hatch)}.wait text{fill:var(--faint)}",
  ".phase.failed rect,.property.failed rect{stroke:var(--failed);stroke-width:1.5}",
  ".s.failed:not(.phase):not(.property) rect,.long.failed rect,.key.failed rect{fill:var(--failed)}",
  ".failure{stroke:var(--failed);stroke-dasharray:4 3}.error{fill:var(--failed);font-size:13px}",
].join("\n");
