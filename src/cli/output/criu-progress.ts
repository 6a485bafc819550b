/** How far criu(8) is. */
import { statusIfThere } from "../../kernel/files.ts";
import { listDirectory } from "../../kernel/list-directory.ts";
import type { Globals } from "../grammar/table.ts";
import type { Session } from "../session/session.ts";
import { complain } from "./output.ts";
import { type StatusLine, statusLineFor } from "./status-line.ts";

/** What criu does once it has reached a stage of a restoration (action scripts, criu(8)). A dump has no such stages. */
const AFTER: { readonly [stage: string]: string } = {
  "setup-namespaces": "making mounts",
  "post-setup-namespaces": "restoring the processes",
  "post-restore": "letting them run",
};

/** How often the line is written, in milliseconds. */
const TURN = 200;

/** The line: erased when it is disposed of. */
class Progress implements Disposable {
  private readonly session: Session;
  private readonly line: StatusLine;
  private readonly what: string;
  private readonly images: string;
  private readonly begin = performance.now();
  private readonly timer: Timer;
  private doing = "";
  private isShown = true;

  constructor(session: Session, line: StatusLine, what: string, images: string) {
    this.session = session;
    this.line = line;
    this.what = what;
    this.images = images;
    this.timer = setInterval(() => this.show(), TURN);
    this.show();
  }

  /** criu has reached a stage. */
  readonly reach = (stage: string): void => {
    const doing = AFTER[stage];
    if (doing === undefined) return;
    this.doing = `${doing}, `;
    this.show();
  };

  private show(): void {
    this.line.write(`${this.what}: ${this.doing}${this.facts}`);
  }

  /** The size of the images, and the time so far. */
  private get facts(): string {
    const seconds = (performance.now() - this.begin) / 1000;
    return `${(sizeOf(this.images) / 1e6).toFixed(1)} MB, ${seconds.toFixed(1)} s`;
  }

  /** Leaves a line that tells the result. */
  finish(): void {
    this[Symbol.dispose]();
    complain(this.session, `${this.what}: ${this.facts}, in ${this.images}`);
  }

  [Symbol.dispose](): void {
    if (!this.isShown) return; // what stands there now is somebody else's
    this.isShown = false;
    clearInterval(this.timer);
    this.line.erase();
  }
}

/** Progress for who sees it; null for others. */
export function progressAt(
  session: Session,
  globals: Globals,
  { what, images }: { readonly what: string; readonly images: string },
): Progress | null {
  const line = statusLineFor(session, globals);
  return line === null ? null : new Progress(session, line, what, images);
}

/** Bytes of the files of a directory, which may not be there yet. */
function sizeOf(directory: string): number {
  let size = 0;
  for (const { name, isDirectory } of listDirectory(directory) ?? [])
    if (!isDirectory) size += statusIfThere(`${directory}/${name}`)?.size ?? 0;
  return size;
}
