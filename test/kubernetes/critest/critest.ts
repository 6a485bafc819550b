/** Runs critest, the conformance tests of the Container Runtime Interface, and reads its report. */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SOCKET } from "../../callers/containerd.ts";
import { freshDirectory } from "../../harness/environment.ts";
import { plainEnvironment } from "../../harness/plain-environment.ts";

/** How many tests run at once; those that can't bear it run alone. */
const AT_ONCE = 2;
const MINUTES = 12;

/** How one of critest's tests ended. */
export interface Outcome {
  /** `[k8s.io] Container runtime should support starting container [Conformance]`. */
  readonly name: string;
  readonly state: "passed" | "failed" | "skipped";
  /** Why it failed or was skipped, and what it had done until then. */
  readonly message: string;
}

/** Has critest test the handler of containerd's; `options` are critest's own. @throws Error when it ends without a report */
export async function runCritest(
  handler: string,
  options: readonly string[] = [],
): Promise<readonly Outcome[]> {
  const directory = freshDirectory("critest");
  const [log, report] = [join(directory, "log"), join(directory, "report.json")];
  const output = openSync(log, "a");
  const child = spawn(
    "critest",
    [
      ...[`--runtime-endpoint=unix://${SOCKET}`, `--runtime-handler=${handler}`, `--parallel=${AT_ONCE}`],
      ...[`--ginkgo.json-report=${report}`, "--ginkgo.no-color", `--ginkgo.timeout=${MINUTES}m`, ...options],
    ],
    { stdio: ["ignore", output, output], env: { ...plainEnvironment(), TMPDIR: directory }, cwd: directory },
  );
  closeSync(output);
  await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  try {
    return outcomesIn(readFileSync(report, "utf8"));
  } catch (error) {
    throw new Error(`critest left no report: ${error}\n${readFileSync(log, "utf8").slice(-10_000)}`);
  }
}

/** What this reads of Ginkgo's report. */
interface SuiteReport {
  readonly SpecReports: readonly {
    readonly LeafNodeType: string;
    readonly LeafNodeText: string;
    readonly ContainerHierarchyTexts: readonly string[] | null;
    readonly State: string;
    readonly Failure?: { readonly Message: string };
    readonly CapturedGinkgoWriterOutput?: string;
  }[];
}

/** Tests that critest leaves out by itself, its benchmarks, have no message. */
function outcomesIn(report: string): Outcome[] {
  const suites = JSON.parse(report) as readonly SuiteReport[]; // of critest's Ginkgo
  return suites
    .flatMap(({ SpecReports }) => SpecReports)
    .filter(
      ({ LeafNodeType, State, Failure }) =>
        (LeafNodeType === "It" && (State !== "skipped" || Failure)) || State === "failed",
    )
    .map(({ ContainerHierarchyTexts, LeafNodeText, State, Failure, CapturedGinkgoWriterOutput }) => ({
      name: [...(ContainerHierarchyTexts ?? []), LeafNodeText].join(" "),
      state: State === "passed" || State === "skipped" ? State : "failed",
      message: [Failure?.Message, ...(State === "skipped" ? [] : [CapturedGinkgoWriterOutput])]
        .filter((text) => text)
        .join("\n"),
    }));
}
