/** A trace that goes through several programs (W3C Trace Context): who called tsrun, and whom tsrun calls. */

export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** The caller's span, 16 digits; null when the trace begins here. */
  readonly parentId: string | null;
  /** Two digits, handed on as they are: 01 says that somebody records the trace. */
  readonly flags: string;
}

/** Version 00, and later ones, in which more may follow. */
const TRACEPARENT =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|(?<!^00.{53})-)/;

/** The context that TRACEPARENT gives; a new trace without it, or when it is none, as the specification wants. */
export function contextFrom(traceparent: string | undefined): TraceContext {
  const [, traceId, parentId = null, flags = "01"] = TRACEPARENT.exec(traceparent ?? "") ?? [];
  return { traceId: traceId ?? randomHex(16), parentId, flags };
}

/** TRACEPARENT for what a span calls. */
export const traceparentOf = ({ traceId, flags }: TraceContext, spanId: string) =>
  `00-${traceId}-${spanId}-${flags}`;

export const newSpanId = () => randomHex(8);

/** So many random bytes; never only zeros, which would be no id. */
function randomHex(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes)).toHex();
  return /[^0]/.test(random) ? random : randomHex(bytes);
}
