/**
 * What takes time besides single system calls: phases of a command, hooks, a compilation, systemd's job. Somebody who
 * draws a timeline is told of them; usually nobody is.
 */

/**
 * `phase`: part of a command; `hook`: from its start to its end; `execution`: an agent becomes a program; `other`: what
 * another program does meanwhile, such as systemd; `wait`: a wait during which the process may do other work.
 */
export type SpanKind = "phase" | "hook" | "execution" | "other" | "wait";

/** A span that has begun. */
export interface Begun {
  /** Its name for programs that it calls (W3C Trace Context, "traceparent"); null when nobody records. */
  readonly traceparent: string | null;
  readonly end: (hasFailed?: boolean) => void;
}

const UNSEEN: Begun = { traceparent: null, end: () => {} };

type Recorder = (kind: SpanKind, name: string) => Begun;

let recorder: Recorder | null = null;

/** Sets who is told of spans. */
export function recordSpans(next: Recorder | null): void {
  recorder = next;
}

/** Begins a span that is ended elsewhere. */
export const beginSpan = (kind: SpanKind, name: string): Begun => recorder?.(kind, name) ?? UNSEEN;

/** Does something, at once or until its promise is settled, as a span. */
export function span<T>(kind: SpanKind, name: string, act: (traceparent: string | null) => T): T {
  return recorder === null ? act(null) : during(recorder(kind, name), act);
}

function during<T>({ traceparent, end }: Begun, act: (traceparent: string | null) => T): T {
  let result: T;
  try {
    result = act(traceparent);
  } catch (error) {
    end(true);
    throw error;
  }
  if (result instanceof Promise)
    result.then(
      () => end(),
      () => end(true),
    );
  else end();
  return result;
}
