/** A timeline as one HTML page: the picture, which can be enlarged. It asks nobody for anything. */
import { nameOf, picture, xml } from "./picture.ts";
import type { Timeline } from "./timeline.ts";
import ZOOM from "./zoom.txt" with { type: "text" };

const STYLE = `
body{margin:0;background:var(--ground);color:var(--ink);font:13px system-ui,sans-serif}
main{overflow-x:auto}svg{display:block;cursor:grab;touch-action:none}
footer{position:sticky;bottom:0;padding:8px 24px;min-height:4.2em;background:var(--track);border-top:1px solid var(--line);
white-space:pre-wrap;overflow-wrap:anywhere;font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
`;

const HELP = "Wheel or + and −: enlarge. Drag or arrows: move. Click: enlarge to a span. 0: all of it.";

/** The page. Only its own script may run: what a config names is text, and stays text. */
export function page(commands: readonly Timeline[]): string {
  const digest = new Bun.CryptoHasher("sha256").update(ZOOM).digest("base64");
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${digest}'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${xml(policy)}">
<meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width">
<title>${xml(nameOf(commands))}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${picture(commands, { merge: false })}</main>
<footer>${xml(HELP)}</footer>
<script>${ZOOM}</script>
</body>
</html>
`;
}
