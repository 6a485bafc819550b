/** The answer: one line that says it, and others with what can be seen of it. */
export interface Answer {
  readonly line: string;
  readonly details: readonly string[];
}
