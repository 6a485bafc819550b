/** Timelines in the form that a file's name asks for. */
import { page } from "./page.ts";
import { picture } from "./picture.ts";
import type { Timeline } from "./timeline.ts";
import { traceEvents } from "./trace-events.ts";

type Render = (commands: readonly Timeline[]) => string;

const FORMS: readonly (readonly [end: string, render: Render])[] = [
  [".svg", (commands) => picture(commands, { merge: true })],
  [".html", page],
  ["", traceEvents],
];

/** `*.svg` is a picture, `*.html` a page that enlarges it, all else are trace events. */
export function rendered(commands: readonly Timeline[], path: string): string {
  const [, render = traceEvents] = FORMS.find(([end]) => path.endsWith(end)) ?? [];
  return render(commands);
}
