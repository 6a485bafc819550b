/** Has critest test containerd with each runtime. */
import { join } from "node:path";
import { SOCKET, startContainerd, type Version } from "../../callers/containerd.ts";
import { connectCri } from "../../callers/cri.ts";
import { workDirectory } from "../../harness/environment.ts";
import { measured } from "../../harness/measured.ts";
import { type Outcome, runCritest } from "./critest.ts";
import { exceptions } from "./exceptions.ts";
import { critestImages } from "./images.ts";
import { serveImages, writeHosts } from "./registry.ts";

/** Handlers in containerd's configuration. That a server takes tsrun's calls makes no difference to runc. */
const HANDLERS = process.env["TSRUN_TEST_SERVED"] === undefined ? ["tsrun", "runc"] : ["tsrun"];

/**
 * On a busy machine critest's tests of logs fail now and then, with either runtime: they find no line yet. A few that fail
 * are run again, alone, and said.
 */
const MOST_REPEATED = 3;

const { CONTAINERD_2 } = process.env;
const NRI = "/run/nri.sock";
const PORTS = { type: "portmap", capabilities: { portMappings: true } } as const;

interface Setting {
  /** Of containerd's configuration. */
  readonly tables: (hosts: string) => string;
  /** What critest is told of that. */
  readonly options: readonly string[];
}

const SETTINGS: Readonly<Record<Version, Setting>> = {
  1: {
    tables: (hosts) => `[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "${hosts}"\n`,
    options: [],
  },
  2: {
    tables: (hosts) => `[plugins."io.containerd.cri.v1.images".registry]
  config_path = "${hosts}"
[plugins."io.containerd.nri.v1.nri"]
  disable = false
  disable_connections = false
  socket_path = "${NRI}"
  plugin_path = "${join(workDirectory, "nri")}"
  plugin_config_path = "${join(workDirectory, "nri")}"
`,
    options: [`--nri-socket=${NRI}`],
  },
};

/** How critest's tests ended, by the runtime, on this version of containerd. */
export async function allOutcomes(version: Version): Promise<ReadonlyMap<string, readonly Outcome[]>> {
  using _ = serveImages(critestImages());
  const { tables } = SETTINGS[version];
  const containerd = await startContainerd({
    ...{ version, namespaces: ["k8s.io"], plugins: [PORTS] },
    ...(version === 2 && CONTAINERD_2 !== undefined ? { directory: CONTAINERD_2 } : {}),
    tables: tables(writeHosts(join(workDirectory, "hosts"))),
  });
  const outcomes = new Map<string, readonly Outcome[]>();
  for (const handler of HANDLERS) {
    outcomes.set(handler, await outcomesOf(handler, version));
    await removePods();
  }
  await containerd.stop();
  return outcomes;
}

async function outcomesOf(handler: string, version: Version): Promise<readonly Outcome[]> {
  const { options } = SETTINGS[version];
  const found = await runCritest(handler, options);
  const excepted = new Set(exceptions(version).map(({ test }) => test));
  const failed = found.filter(({ name, state }) => state === "failed" && !excepted.has(name));
  if (failed.length === 0 || failed.length > MOST_REPEATED) return found;
  for (const { name, message } of failed) {
    const [first = ""] = message.split("\n");
    measured(`critest with ${handler} on containerd ${version}, run again`, `${name}: ${first}`);
  }
  const focus = failed.map(({ name }) => `--ginkgo.focus=${name.replace(/[^\w ]/g, "\\$&")}`);
  const second = new Map((await runCritest(handler, [...options, ...focus])).map((one) => [one.name, one]));
  return found.map((one) => second.get(one.name) ?? one);
}

/** Those that critest leaves when a test of its is skipped halfway. */
async function removePods(): Promise<void> {
  using cri = connectCri(SOCKET);
  const { items } = await cri.call("ListPodSandbox");
  for (const { id } of items)
    for (const call of ["StopPodSandbox", "RemovePodSandbox"] as const)
      await cri.call(call, { pod_sandbox_id: id });
}
