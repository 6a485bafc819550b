/** Where things are on the node, which has a machine to itself: the usual places. */
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { call, printed } from "../callers/call.ts";
import { BRIDGE } from "../callers/containerd.ts";
import { workDirectory } from "../harness/environment.ts";

export const NODE = "node";
/** At which everybody finds the API server. */
export const SERVER_ADDRESS = "10.87.0.1";
/** The node's own, at which the API server finds the kubelet. A node that is not the whole cluster is told another. */
export const { KUBERNETES_NODE_ADDRESS: ADDRESS = SERVER_ADDRESS } = process.env;

export const PORTS = {
  etcd: 2379,
  etcdPeers: 2380,
  api: 6443,
  scheduler: 10259,
  controllers: 10257,
  kubelet: 10250,
  kubeletHealth: 10248,
} as const;

export const SERVER = `https://${SERVER_ADDRESS}:${PORTS.api}`;
/** Of the only user, who may do all. */
export const TOKEN = "token-of-the-tests";

const DIRECTORY = join(workDirectory, "kubernetes");
export const FILES = {
  etcd: join(DIRECTORY, "etcd"),
  certificates: join(DIRECTORY, "certificates"),
  /** The API server makes it when it starts. */
  certificate: join(DIRECTORY, "certificates/apiserver.crt"),
  tokens: join(DIRECTORY, "tokens.csv"),
  serviceAccountKey: join(DIRECTORY, "service-account.key"),
  kubeconfig: join(DIRECTORY, "kubeconfig"),
  kubelet: join(DIRECTORY, "kubelet.json"),
  kubeletRoot: "/var/lib/kubelet",
  manifests: join(DIRECTORY, "manifests"),
  resolvConf: join(DIRECTORY, "resolv.conf"),
  plugins: join(DIRECTORY, "plugins"),
  /** Where kubectl keeps what it has learnt of the API. */
  cache: join(DIRECTORY, "cache"),
} as const;

/** Writes what all the node's programs read. */
export function prepareNode(): void {
  for (const directory of [FILES.certificates, FILES.manifests, FILES.plugins])
    mkdirSync(directory, { recursive: true });
  writeFileSync(FILES.resolvConf, `nameserver ${ADDRESS}\n`);
  writeFileSync(
    FILES.kubeconfig,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: NODE, cluster: { server: SERVER, "certificate-authority": FILES.certificate } }],
      users: [{ name: "tests", user: { token: TOKEN } }],
      contexts: [{ name: NODE, context: { cluster: NODE, user: "tests" } }],
      "current-context": NODE,
    }),
  );
}

/** Writes what the cluster's programs read besides, and gives the machine an interface as nodes have it. */
export function prepareCluster(): void {
  prepareNode();
  writeFileSync(FILES.tokens, `${TOKEN},tests,1,"system:masters"\n`);
  writeFileSync(FILES.serviceAccountKey, rsaKey());
  runEach(
    "ip link add eth0 type veth peer name eth0-peer",
    "ip link set eth0-peer up",
    "ip link set eth0 up",
    `ip address add ${SERVER_ADDRESS}/24 dev eth0`,
    "ip route add default dev eth0",
    `ip link add ${BRIDGE} type bridge`, // the first pod would make it
  );
}

/** Takes the interfaces away again. */
export function clearCluster(): void {
  runEach("ip link delete eth0", `ip link delete ${BRIDGE}`);
}

/** Calls programs, one after the other. */
export function runEach(...commands: readonly string[]): void {
  for (const command of commands) printed(call(command.split(" ")));
}

function rsaKey(): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return privateKey.export({ type: "pkcs1", format: "pem" }).toString();
}
