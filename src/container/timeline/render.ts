/** Timelines in the form that a file's name asks for. */
import { UserError } from "../../kernel/user-error.ts";
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

/**
 * Refuses names of pictures that tsrun can't make: trace events by that name would only puzzle whoever opens it.
 * @throws UserError with the flag
 */
export function requireForm(flag: string, file: string): void {
  if (/\.(png|jpe?g|gif|webp|pdf|ps|svgz)$/i.test(file))
    throw new UserError(
      `${flag} ${file}`,
      "tsrun draws *.svg and *.html; a browser makes other pictures of these",
    );
}

/** `*.svg` is a picture, `*.html` a page that enlarges it, all else are trace events. */
export function rendered(commands: readonly Timeline[], path: string): string {
  const [, render = traceEvents] = FORMS.find(([end]) => path.endsWith(end)) ?? [];
  return render(commands);
}
