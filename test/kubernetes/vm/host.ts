/** Starts the cluster, and then the guest that is its node, in a machine of the tests; see run.ts. */
import { resolve } from "node:path";
import { summarize } from "../../harness/report.ts";
import { runMachine } from "../../vm/guest-run.ts";
import { runEach, SERVER_ADDRESS } from "../addresses.ts";
import { startCluster } from "../node.ts";
import { GUEST_ADDRESS, GUEST_FILES, prepareGuest } from "./prepare.ts";

const PROJECT = resolve(import.meta.dir, "../../..");
const { VM_SECONDS = "1500" } = process.env;

const cluster = await startCluster();
try {
  // There QEMU listens for the guest's kubelet, which hears nobody who calls from its own address.
  runEach(`ip route add local ${GUEST_ADDRESS} dev lo src ${SERVER_ADDRESS}`);
  const guest = await prepareGuest(PROJECT, Number(VM_SECONDS));
  process.exitCode = summarize([await runMachine(PROJECT, guest, "kubernetes", GUEST_FILES)]);
} finally {
  await cluster.stop();
}
