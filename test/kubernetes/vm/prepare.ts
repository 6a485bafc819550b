/** The guest that is a node: what it is made of, besides what every guest of systemd is. */
import { readFileSync } from "node:fs";
import { program, textFile } from "../../../rootfs/tree.ts";
import type { Machine } from "../../vm/machine.ts";
import { PROJECT as GUEST_PROJECT, prepareMachine, UNITS } from "../../vm/systemd/prepare.ts";
import { FILES, PORTS, SERVER_ADDRESS } from "../addresses.ts";
import { cachedPrograms, EDITION } from "./image.ts";

/** Its own on the network that QEMU makes, where the host is the API server's address. */
export const GUEST_ADDRESS = "10.87.0.15";
const NETWORK = [
  ...[
    "user",
    "model=virtio-net-pci",
    "net=10.87.0.0/24",
    `host=${SERVER_ADDRESS}`,
    `dhcpstart=${GUEST_ADDRESS}`,
  ],
  `hostfwd=tcp:${GUEST_ADDRESS}:${PORTS.kubelet}-${GUEST_ADDRESS}:${PORTS.kubelet}`,
].join(",");

export const GUEST_FILES = ["test/kubernetes/vm/node.test.ts"];

/** Where the guest's disk of programs is. */
const PROGRAMS = "/opt";
/** Below the project. */
export const CERTIFICATE = "apiserver.crt";

const MODULES = ["virtio_net", "bridge", "veth"] as const;
const PLUGINS = ["bridge", "host-local", "loopback"] as const;

const FILE_SECONDS = 1200;
/** Beside an ordinary machine. */
const SLOWNESS = 4;

const { CLAIMS = "" } = process.env;

/** Makes it for a cluster that has started. @throws MissingPackage, NoMachine */
export function prepareGuest(project: string, seconds: number): Promise<Machine> {
  return prepareMachine(project, {
    files: GUEST_FILES,
    seconds,
    name: "kubernetes",
    edition: EDITION,
    modules: MODULES,
    network: NETWORK,
    disks: [cachedPrograms(project)],
    entries: [
      ...PLUGINS.map((name) => program(`guest/usr/lib/cni/${name}`, readFileSync(`/usr/lib/cni/${name}`))),
      textFile(`guest/${GUEST_PROJECT}/${CERTIFICATE}`, [readFileSync(FILES.certificate, "utf8")]),
      // What logind asks for when pods have ended, in a test of that; the machine goes on.
      textFile(`guest/${UNITS}/reboot.target`, ["[Unit]", "Description=No reboot"]),
      textFile(`guest/${UNITS}/tests.service.d/kubernetes.conf`, [
        "[Service]",
        `ExecStartPre=mount -o ro /dev/vdb ${PROGRAMS}`,
        `Environment=PATH=${PROGRAMS}:/usr/sbin:/usr/bin CONTAINERD_2=${PROGRAMS}`,
        `Environment=KUBERNETES_NODE_ADDRESS=${GUEST_ADDRESS}`,
        `Environment="CLAIMS=${CLAIMS}"`,
        `Environment=FILE_SECONDS=${FILE_SECONDS} TSRUN_TEST_SLOWNESS=${SLOWNESS}`,
      ]),
    ],
  });
}
