/**
 * Decision diagrams (Bryant 1986, with numbers as leaves): functions of bits, each of which has one shape only. So two
 * are equal when their nodes are the same, and what holds for all 2^384 arguments of a call takes a few hundred nodes.
 */

/** A function of bits: a leaf, or what one variable decides between. */
export type Node = number;

/** Below all variables. */
const LEAF = Number.MAX_SAFE_INTEGER;

export class Diagrams {
  private readonly variables: number[] = [];
  /** What holds when the variable is 0; a leaf's value. */
  private readonly lows: number[] = [];
  private readonly highs: number[] = [];
  private readonly known = new Map<string, Node>();

  readonly no = this.leaf(0);
  readonly yes = this.leaf(1);

  leaf(value: number): Node {
    return this.unique(LEAF, value, value);
  }

  /** `low` where the variable is 0, `high` where it is 1; both are of later variables only. */
  decide(variable: number, low: Node, high: Node): Node {
    return low === high ? low : this.unique(variable, low, high);
  }

  private unique(variable: number, low: number, high: number): Node {
    const key = `${variable} ${low} ${high}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const node = this.variables.push(variable) - 1;
    this.lows.push(low);
    this.highs.push(high);
    this.known.set(key, node);
    return node;
  }

  /** The first variable that a function depends on; Infinity for a leaf, more than any variable. */
  variable(node: Node): number {
    const variable = this.variables[node] ?? LEAF;
    return variable === LEAF ? Number.POSITIVE_INFINITY : variable;
  }

  /** The value of a leaf; null for what depends on bits. */
  value(node: Node): number | null {
    return this.variables[node] === LEAF ? (this.lows[node] ?? 0) : null;
  }

  low(node: Node, variable: number): Node {
    return this.variables[node] === variable ? (this.lows[node] ?? node) : node;
  }

  high(node: Node, variable: number): Node {
    return this.variables[node] === variable ? (this.highs[node] ?? node) : node;
  }

  /** A function of the values of others, for the same bits. */
  combine(nodes: readonly Node[], of: (...values: readonly number[]) => number): Node {
    const done = new Map<string, Node>();
    const walk = (parts: readonly Node[]): Node => {
      const key = parts.join(" ");
      const known = done.get(key);
      if (known !== undefined) return known;
      const first = Math.min(...parts.map((part) => this.variable(part)));
      const result = Number.isFinite(first)
        ? this.decide(
            first,
            walk(parts.map((part) => this.low(part, first))),
            walk(parts.map((part) => this.high(part, first))),
          )
        : this.leaf(of(...parts.map((part) => this.value(part) ?? 0)));
      done.set(key, result);
      return result;
    };
    return walk(nodes);
  }

  /** `whenTrue` where a condition (of 0 and 1) holds, else `whenFalse`. */
  choose(condition: Node, whenTrue: Node, whenFalse: Node): Node {
    const done = new Map<string, Node>();
    const walk = (test: Node, one: Node, other: Node): Node => {
      if (test === this.yes || one === other) return one;
      if (test === this.no) return other;
      const key = `${test} ${one} ${other}`;
      const known = done.get(key);
      if (known !== undefined) return known;
      const first = Math.min(this.variable(test), this.variable(one), this.variable(other));
      const [low, high] = [this.low, this.high].map((half) =>
        walk(half.call(this, test, first), half.call(this, one, first), half.call(this, other, first)),
      );
      const result = this.decide(first, low ?? this.no, high ?? this.no);
      done.set(key, result);
      return result;
    };
    return walk(condition, whenTrue, whenFalse);
  }

  and(...conditions: readonly Node[]): Node {
    return conditions.reduce((all, one) => this.choose(all, one, this.no), this.yes);
  }

  or(...conditions: readonly Node[]): Node {
    return conditions.reduce((any, one) => this.choose(any, this.yes, one), this.no);
  }

  not(condition: Node): Node {
    return this.choose(condition, this.no, this.yes);
  }

  /** Where a function has this value. */
  where(node: Node, value: number): Node {
    return this.combine([node], (found) => (found === value ? 1 : 0));
  }

  /** What is left of a function when some bits are known. */
  given(node: Node, bit: (variable: number) => boolean | null): Node {
    return this.rewritten(node, (one, halves) => {
      const first = this.variable(one);
      const known = Number.isFinite(first) ? bit(first) : null;
      if (known !== null) return halves(known ? this.high(one, first) : this.low(one, first));
      return null;
    });
  }

  /** What a function can be below its first variables: the parts of it that depend on no variable before `limit`. */
  parts(node: Node, limit: number): readonly Node[] {
    const found = new Set<Node>();
    this.rewritten(node, (one) => {
      if (this.variable(one) < limit) return null;
      found.add(one);
      return one;
    });
    return [...found];
  }

  /** Where, by the variables before `limit`, a function is this part of it. */
  leadsTo(node: Node, part: Node, limit: number): Node {
    return this.rewritten(node, (one) => {
      if (this.variable(one) < limit) return null;
      return one === part ? this.yes : this.no;
    });
  }

  /** Rebuilds a function: `of` gives what takes a node's place, or null to go on below it. */
  private rewritten(node: Node, of: (one: Node, again: (other: Node) => Node) => Node | null): Node {
    const done = new Map<Node, Node>();
    const walk = (one: Node): Node => {
      const known = done.get(one);
      if (known !== undefined) return known;
      const first = this.variable(one);
      const result =
        of(one, walk) ??
        (Number.isFinite(first)
          ? this.decide(first, walk(this.low(one, first)), walk(this.high(one, first)))
          : one);
      done.set(one, result);
      return result;
    };
    return walk(node);
  }
}
