import { attempt } from "../../kernel/here.ts";
import { getWindowSize, WINSIZE_SIZE, windowSize } from "../../kernel/terminal.ts";
import type { Globals } from "../grammar/table.ts";
import type { Session } from "../session/session.ts";
import { show } from "./output.ts";

const DEFAULT_WIDTH = 80;

/** A line on standard error, a terminal, that tells how far a command is, and is written again and again. */
export class StatusLine {
  private readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  /** Writes it over what it was; cut off where the terminal ends, as a second line would stay. */
  write(text: string): void {
    show(this.session, `\r${text.slice(0, this.width - 1)}\u001b[K`);
  }

  /** Takes it away: what remains on the screen is what went wrong, or nothing. */
  erase(): void {
    show(this.session, "\r\u001b[K");
  }

  private get width(): number {
    const bytes = new Uint8Array(WINSIZE_SIZE);
    const call = getWindowSize(this.session.caller.streams[2], bytes);
    return attempt(call) < 0 ? DEFAULT_WIDTH : windowSize(bytes).width || DEFAULT_WIDTH;
  }
}

/** The line for who sees it; null where standard error is no terminal that can do this, or has the log too. */
export function statusLineFor(session: Session, { debug, logFormat }: Globals): StatusLine | null {
  const isDumb = session.caller.env["TERM"] === "dumb";
  return session.complainsToTerminal && !debug && !isDumb && logFormat !== "json"
    ? new StatusLine(session)
    : null;
}
