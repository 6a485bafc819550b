import type { BlockIO, ThrottleDevice, WeightDevice } from "../../../runtime-spec/config-linux-resources.ts";
import { fail } from "../../kernel/user-error.ts";
import { type CgroupWrite, limit, RESOURCES } from "./cgroup-write.ts";

const WHERE = `${RESOURCES}.blockIO`;

/** The lists of throttled devices and their keys in io.max. */
const THROTTLES = [
  ["throttleReadBpsDevice", "rbps"],
  ["throttleWriteBpsDevice", "wbps"],
  ["throttleReadIOPSDevice", "riops"],
  ["throttleWriteIOPSDevice", "wiops"],
] as const satisfies readonly (readonly [keyof BlockIO, string])[];

/** `blockIO` as writes; a weight of 0 is unset, a rate of 0 no limit. @throws UserError */
export function blockIoWrites(blockIO: BlockIO): CgroupWrite[] {
  refuseLeafWeight(blockIO.leafWeight, `${WHERE}.leafWeight`);
  const writes = blockIO.weight ? [weightWrite("", blockIO.weight, `${WHERE}.weight`)] : [];
  for (const [index, device] of (blockIO.weightDevice ?? []).entries())
    writes.push(...weightDeviceWrites(device, `${WHERE}.weightDevice[${index}]`));
  for (const [list, key] of THROTTLES)
    for (const [index, device] of (blockIO[list] ?? []).entries())
      writes.push(throttleWrite(device, key, `${WHERE}.${list}[${index}]`));
  return writes;
}

function weightDeviceWrites(device: WeightDevice, where: string): CgroupWrite[] {
  refuseLeafWeight(device.leafWeight, `${where}.leafWeight`);
  if (!device.weight) return [];
  return [weightWrite(`${device.major}:${device.minor} `, device.weight, `${where}.weight`)];
}

/** The weight for the BFQ scheduler; where the kernel lacks it, for the cost model, on its scale. */
function weightWrite(device: string, weight: number, where: string): CgroupWrite {
  if (weight < 10) return fail(where, "must be from 10 to 1000");
  return {
    file: "io.bfq.weight",
    value: device + weight,
    where,
    otherwise: { file: "io.weight", value: device + ioWeight(weight) },
  };
}

/** blkio's 10 to 1000 as io.weight's 1 to 10000, linearly. */
function ioWeight(weight: number): number {
  return 1 + Math.floor(((weight - 10) * 9999) / 990);
}

function throttleWrite({ major, minor, rate }: ThrottleDevice, key: string, where: string): CgroupWrite {
  const write = limit("io.max", rate || -1, `${where}.rate`);
  return { ...write, value: `${major}:${minor} ${key}=${write.value}` };
}

function refuseLeafWeight(weight: number | undefined, where: string): void {
  if (weight)
    fail(
      where,
      "cgroup v2 has no leaf weights: a cgroup with processes has no children to weigh them against",
    );
}
