import { test } from "uvu";
import { call, printed } from "./call.ts";
import { BRIDGE, SOCKET, startContainerd } from "./containerd.ts";
import { type Cri, connectCri } from "./cri.ts";
import { watchMachine } from "./leaks.ts";
import { runPod } from "./pod.ts";

interface Pods {
  readonly cri: Cri;
  /** Adds the last test of a file: that its pods, and then containerd, left nothing. */
  leavesNothing(): void;
}

/** A containerd for a whole test file, in which pods can be run. */
export async function podsOfContainerd(...how: Parameters<typeof startContainerd>): Promise<Pods> {
  const atFirst = watchMachine();
  const daemon = await startContainerd(...how);
  const cri = connectCri(SOCKET);
  {
    await using _ = await runPod(cri); // the first pod makes the bridge, which stays
  }
  const afterStart = watchMachine();
  const leavesNothing = () => {
    test("nothing is left of all these, and then nothing of containerd", async () => {
      await afterStart("of the pods");
      cri[Symbol.dispose]();
      printed(call(["ip", "link", "delete", BRIDGE]));
      await daemon.stop();
      await atFirst("of containerd");
    });
  };
  return { cri, leavesNothing };
}
