/** A virtual machine in software emulation: no KVM, no network, and gone when its guest is. */
import { type ChildProcess, spawn } from "node:child_process";
import { PORT } from "./results.ts";

export interface Machine {
  readonly image: string;
  readonly initramfs: string;
  /** Files that take what the guest prints on its console, and what it writes to the port of its results. */
  readonly console: string;
  readonly results: string;
  /** Raw disk images; what is written to them goes with the machine. */
  readonly disks: readonly string[];
  /** A guest that is not off by then hangs. */
  readonly seconds: number;
}

/** How a machine ended; `trouble` is what QEMU itself complained of. */
export interface Ending {
  readonly how: "switched off" | "out of time" | "failed";
  readonly trouble: string;
}

/**
 * The kernel prints errors only and ends the machine on a panic. Emulation is a third faster when programs are at the
 * same addresses each time (norandmaps), so that their translations are used again.
 */
const KERNEL_OPTIONS = "console=ttyS0 panic=-1 loglevel=4 mitigations=off audit=0 norandmaps";

/** Boots a machine and waits for its end. */
export async function boot(machine: Machine): Promise<Ending> {
  const qemu = spawn("setpriv", ["--pdeathsig", "KILL", "--", "qemu-system-x86_64", ...options(machine)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: string[] = [];
  qemu.stderr.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  let outOfTime = false;
  const timer = setTimeout(() => {
    outOfTime = true;
    qemu.kill("SIGKILL");
  }, machine.seconds * 1000);
  const leave = endedBySignals(qemu);
  try {
    const status = await closed(qemu);
    const how = outOfTime ? "out of time" : status === 0 ? "switched off" : "failed";
    return { how, trouble: said.join("").trim() };
  } finally {
    clearTimeout(timer);
    leave();
  }
}

function options({ image, initramfs, console, results, disks }: Machine): string[] {
  return [
    ...["-accel", "tcg,thread=multi", "-cpu", "max", "-m", "4096", "-smp", "2"],
    ...["-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot", "-nodefaults"],
    ...["-kernel", image, "-initrd", initramfs, "-append", KERNEL_OPTIONS],
    ...["-serial", `file:${console}`],
    ...["-device", "virtio-serial-pci", "-chardev", `file,id=results,path=${results}`],
    ...["-device", `virtserialport,chardev=results,name=${PORT}`],
    ...disks.flatMap((file) => ["-drive", `file=${file},format=raw,if=virtio,snapshot=on`]),
  ];
}

function closed(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
}

/** Ctrl-C ends the machine, then this program; returns what ends that arrangement. */
function endedBySignals(qemu: ChildProcess): () => void {
  const end = (): void => {
    qemu.kill("SIGKILL");
    qemu.on("close", () => process.exit(130)); // 128 + SIGINT, as shells have it
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, end);
  return () => {
    for (const signal of signals) process.off(signal, end);
  };
}
