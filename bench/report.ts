import { CROWD, PROBES, SERVED } from "./load.ts";
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

export const NAMES: Readonly<Record<Contender, string>> = {
  spawn: "spawn of a C program that does nothing",
  empty: "empty Bun binary",
  floor: "floor (the system calls in C)",
  warm: "tsrun, served",
  tsrun: "tsrun",
  old: "old tsrun",
  library: "tsrun in one process",
  crun: "crun",
  runc: "runc",
};
/** Of `old` there are figures when it was asked for. */
const asFound = <C extends Contender>(samples: Samples, measure: Measure, contenders: readonly C[]) =>
  contenders.filter((contender) => contender !== "old" || samples.of(measure, contender) !== null);

/** Whose steps are timed. */
const STEPPERS = ["warm", "tsrun", "library", "old", "crun", "runc"] as const;
const CONTENDERS = [...RUNTIME_NAMES, "floor", "empty", "spawn"] as const;
const ALL = [...CONTENDERS, "library"] as const;

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
    `## Processor time of ${PROBES} such \`exec\`s`,
    "That of all processes: commands, what they start, the server.",
    simpleTable(samples, "probes", RUNTIME_NAMES),
    `## \`create\` and \`start\` of ${CROWD} containers at once, until all run`,
    simpleTable(samples, "crowd", RUNTIME_NAMES),
    "## Through containerd: create, start, kill, delete",
    "The sum of `ctr run --detach`, `ctr tasks kill` and `ctr tasks delete`, containerd's own work included.",
    simpleTable(samples, "containerd", RUNTIME_NAMES),
    "## Memory of the container's process between `create` and `start`",
    simpleTable(samples, "parked", RUNTIME_NAMES),
    `## Memory that the server has alone, idle for half a minute after ${SERVED} containers`,
    "Without pages of its binary, which the kernel drops when it needs memory, and shares among all tsruns; and these.",
    serverTable(samples),
    "## create + start + delete of `/bin/true`, caches dropped before",
    "The floor's figure is one `run`, the empty binary's one start.",
    simpleTable(samples, "cold", [...RUNTIME_NAMES, "floor", "empty"]),
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
    asFound(samples, "run", CONTENDERS).map((contender) => {
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
      row(NAMES.warm, samples.of("seccomp", "warm")),
      row("tsrun, profile compiled before", samples.of("seccomp", "tsrun")),
      row("tsrun, profile not compiled before", samples.of("seccompCold", "tsrun")),
      row("crun", samples.of("seccomp", "crun")),
      row("runc", samples.of("seccomp", "runc")),
    ],
  );
}

const ROWS = {
  create: "`create`",
  start: "`start`",
  kill: "`kill`",
  delete: "`delete`",
  life: "all four",
  containerdLife: "all four with containerd's config and profile",
} as const satisfies { readonly [M in Measure]?: string };

function stepTable(samples: Samples): string {
  const steppers = asFound(samples, "create", STEPPERS);
  const ratios = (["warm", "tsrun"] as const).flatMap((own) =>
    (["crun", "runc"] as const).map((peer) => ({ own, peer })),
  );
  return table(
    ["", ...steppers.map((name) => NAMES[name]), ...ratios.map(({ own, peer }) => `${NAMES[own]} × ${peer}`)],
    (Object.keys(ROWS) as (keyof typeof ROWS)[]).map((step) => {
      const median = (contender: Contender) => samples.of(step, contender)?.median ?? null;
      return [
        ROWS[step],
        ...steppers.map((name) => cell(samples.of(step, name))),
        ...ratios.map(({ own, peer }) => ratio(quotient(median(own), median(peer)))),
      ];
    }),
  );
}

function lightTable(samples: Samples): string {
  const empty = samples.of("empty", "empty");
  const own = asFound(samples, "state", ["warm", "tsrun", "old"]);
  const rows = (["state", "list", "version"] as const).map((command) => {
    const found = samples.of(command, "tsrun");
    const above = difference(found?.median ?? null, empty?.median ?? null);
    return [
      command === "version" ? "`--version`" : `\`${command}\``,
      ...own.map((name) => cell(samples.of(command, name))),
      above === null ? "–" : `${above < 0 ? "" : "+"}${ms(above)}`,
      ...[empty, samples.of(command, "crun"), samples.of(command, "runc")].map((one) => cell(one)),
    ];
  });
  return table(["", ...own.map((name) => NAMES[name]), "tsrun − empty", NAMES.empty, "crun", "runc"], rows);
}

function simpleTable(samples: Samples, measure: Measure, contenders: readonly Contender[]): string {
  const found = asFound(samples, measure, contenders);
  return table(
    found.map((contender) => NAMES[contender]),
    [found.map((contender) => cell(samples.of(measure, contender), MEASURES[measure]))],
  );
}

function serverTable(samples: Samples): string {
  const figures = (["server", "serverFiles"] as const).map((measure) => samples.of(measure, "warm"));
  return table(["its own", "the binary's"], [figures.map(megabytes)]);
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
const cell = (found: Statistics | null, unit: "ms" | "kB" = "ms") => {
  if (found === null) return "–";
  return unit === "kB" ? `${found.median} kB` : `${ms(found.median)} (${range(found)})`;
};
const ratio = (value: number | null) => (value === null ? "–" : value.toFixed(2));
const megabytes = (kB: Statistics | null) => (kB === null ? "–" : `${(kB.median / 1024).toFixed(1)} MB`);
