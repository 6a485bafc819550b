import { RUNTIME_NAMES } from "./runtimes.ts";
import { type Contender, MEASURES, type Measure, type Samples, type Statistics } from "./samples.ts";
import { difference, quotient, type Verdict } from "./targets.ts";

/** All that the bench found out. */
export interface Findings {
  /** The machine, the versions and how often was measured. */
  readonly circumstances: readonly string[];
  /** What did not go as it should. */
  readonly notes: readonly string[];
  readonly samples: Samples;
  readonly verdicts: readonly Verdict[];
}

const NAMES: Readonly<Record<Contender, string>> = {
  spawn: "spawn of a C program that does nothing",
  empty: "empty Bun binary",
  floor: "floor (the system calls in C)",
  warm: "tsrun, served by a warm one",
  tsrun: "tsrun",
  library: "tsrun in one process, warm",
  crun: "crun",
  runc: "runc",
};
/** Whose steps are timed. */
const STEPPERS = ["warm", "tsrun", "library", "crun", "runc"] as const;
const CONTENDERS = ["spawn", "empty", "floor", ...RUNTIME_NAMES] as const;
const ALL = [...CONTENDERS, "library"] as const;

/** The findings as Markdown. */
export function markdown({ circumstances, notes, samples, verdicts }: Findings): string {
  return [
    "# tsrun's bench",
    list([...circumstances, ...notes]),
    "Times are in ms, from posix_spawn(3) to wait4(2). A range is p10–p90; the memory is `ru_maxrss`.",
    "## `run` of `/bin/true`",
    runTable(samples),
    "## `run` of `/bin/true` with containerd's default config and seccomp profile",
    "360 system calls by name, for three architectures. tsrun keeps a profile that it has compiled in /run/tsrun-seccomp.",
    seccompTable(samples),
    "## `run` of `/bin/true` in a user namespace",
    simpleTable(samples, "userNamespace", RUNTIME_NAMES),
    "## `run` of `/bin/true` with 1,000 bind mounts and 130 masked directories",
    simpleTable(samples, "many", RUNTIME_NAMES),
    "## Step by step",
    stepTable(samples),
    "## Commands that only look",
    lightTable(samples),
    "## `exec` of `/bin/true` in a running container",
    simpleTable(samples, "exec", RUNTIME_NAMES),
    "## Through containerd: create, start, kill, delete",
    "The sum of `ctr run --detach`, `ctr tasks kill` and `ctr tasks delete`, containerd's own work included.",
    simpleTable(samples, "containerd", RUNTIME_NAMES),
    "## Memory of the container's process between `create` and `start`",
    simpleTable(samples, "parked", RUNTIME_NAMES),
    "## create + start + delete of `/bin/true`, caches dropped before",
    "The floor's figure is one `run`, the empty binary's one start.",
    simpleTable(samples, "cold", ["empty", "floor", ...RUNTIME_NAMES]),
    "## Targets",
    table(
      ["target", "limit", "measured", ""],
      verdicts.map(({ target, limit, actual, met }) => [
        target,
        limit,
        actual ?? "–",
        met === null ? "not measured" : met ? "met" : "**missed**",
      ]),
    ),
  ].join("\n\n");
}

/** The findings for programs. */
export function json({ circumstances, notes, samples, verdicts }: Findings): string {
  const results = (Object.keys(MEASURES) as Measure[]).flatMap((measure) =>
    ALL.flatMap((contender) => {
      const found = samples.of(measure, contender);
      return found === null ? [] : [{ measure, contender, unit: MEASURES[measure], ...found }];
    }),
  );
  return JSON.stringify({ circumstances, notes, results, verdicts }, null, 2);
}

function runTable(samples: Samples): string {
  return table(
    ["", "median", "range", "min", "× runc", "× crun", "peak memory"],
    CONTENDERS.map((contender) => {
      const found = samples.of("run", contender);
      const times = (peer: "runc" | "crun") =>
        ratio(quotient(found?.median ?? null, samples.of("run", peer)?.median ?? null));
      return [
        NAMES[contender],
        ...(found === null ? ["not measured", "", ""] : [ms(found.median), range(found), ms(found.min)]),
        ...[times("runc"), times("crun")],
        megabytes(samples.of("peak", contender)),
      ];
    }),
  );
}

function seccompTable(samples: Samples): string {
  const row = (name: string, found: Statistics | null) => {
    const times = (peer: "runc" | "crun") =>
      ratio(quotient(found?.median ?? null, samples.of("seccomp", peer)?.median ?? null));
    const figures =
      found === null ? ["not measured", "", ""] : [ms(found.median), range(found), ms(found.min)];
    return [name, ...figures, times("runc"), times("crun")];
  };
  return table(
    ["", "median", "range", "min", "× runc", "× crun"],
    [
      row("tsrun, served by a warm one", samples.of("seccomp", "warm")),
      row("tsrun, profile compiled before", samples.of("seccomp", "tsrun")),
      row("tsrun, profile not compiled before", samples.of("seccompCold", "tsrun")),
      row("crun", samples.of("seccomp", "crun")),
      row("runc", samples.of("seccomp", "runc")),
    ],
  );
}

function stepTable(samples: Samples): string {
  return table(
    ["", ...STEPPERS.map((name) => NAMES[name]), "× runc", "× crun", "warm × runc", "warm × crun"],
    (["create", "start", "kill", "delete"] as const).map((step) => {
      const median = (contender: Contender) => samples.of(step, contender)?.median ?? null;
      return [
        `\`${step}\``,
        ...STEPPERS.map((name) => cell(samples.of(step, name))),
        ratio(quotient(median("tsrun"), median("runc"))),
        ratio(quotient(median("tsrun"), median("crun"))),
        ratio(quotient(median("warm"), median("runc"))),
        ratio(quotient(median("warm"), median("crun"))),
      ];
    }),
  );
}

function lightTable(samples: Samples): string {
  const empty = samples.of("empty", "empty");
  const rows = (["state", "list", "version"] as const).map((command) => {
    const own = samples.of(command, "tsrun");
    const above = difference(own?.median ?? null, empty?.median ?? null);
    return [
      command === "version" ? "`--version`" : `\`${command}\``,
      cell(empty),
      cell(samples.of(command, "warm")),
      cell(own),
      above === null ? "–" : `${above < 0 ? "" : "+"}${ms(above)}`,
      ...(["crun", "runc"] as const).map((name) => cell(samples.of(command, name))),
    ];
  });
  return table(["", NAMES.empty, NAMES.warm, "tsrun", "tsrun − empty", "crun", "runc"], rows);
}

function simpleTable(
  samples: Samples,
  measure: "parked" | "cold" | "exec" | "containerd" | "userNamespace" | "many",
  contenders: readonly Contender[],
): string {
  return table(
    contenders.map((contender) => NAMES[contender]),
    [
      contenders.map((contender) => {
        const found = samples.of(measure, contender);
        return measure === "parked" && found !== null ? `${found.median} kB` : cell(found);
      }),
    ],
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? "---" : "---:"))), ...rows.map(line)].join(
    "\n",
  );
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item.replaceAll("\n", " ")}`).join("\n");
}

const ms = (value: number) => value.toFixed(value < 1 ? 2 : 1);
const range = ({ p10, p90 }: Statistics) => `${ms(p10)}–${ms(p90)}`;
const cell = (found: Statistics | null) => (found === null ? "–" : `${ms(found.median)} (${range(found)})`);
const ratio = (value: number | null) => (value === null ? "–" : value.toFixed(2));
const megabytes = (kB: Statistics | null) => (kB === null ? "–" : `${(kB.median / 1024).toFixed(1)} MB`);
