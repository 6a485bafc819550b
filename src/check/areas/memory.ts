import { fsopen, setMempolicy } from "../../kernel/calls.ts";
import { makeDirectory, removeDirectory } from "../../kernel/files.ts";
import { memoryPolicyFlags, memoryPolicyModes } from "../../kernel/memory-policy.ts";
import { resctrlMount } from "../../linux/resctrl.ts";
import type { Area, Feature } from "../feature.ts";

/** Masks of nodes are words. Node 0 is there on every machine. */
const NO_NODES = new Uint8Array(8);
const FIRST_NODE = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

/** Policies that take no nodes. */
const WITHOUT_NODES: readonly string[] = ["MPOL_DEFAULT", "MPOL_LOCAL"];

function policyFeature([name, mode]: readonly [string, number]): Feature {
  return {
    name: `memory-policy.${name}`,
    title: `memory policy ${name}`,
    config: [`linux.memoryPolicy.mode=${name}`],
    probe({ subject }) {
      subject.do(setMempolicy(mode, WITHOUT_NODES.includes(name) ? NO_NODES : FIRST_NODE));
    },
  };
}

function flagFeature([name, flag]: readonly [string, number]): Feature {
  return {
    name: `memory-policy.${name}`,
    title: `memory policy flag ${name}`,
    config: [`linux.memoryPolicy.flags[=${name}]`],
    probe: ({ subject }) => subject.do(setMempolicy(memoryPolicyModes().MPOL_BIND | flag, FIRST_NODE)),
  };
}

export const memory: Area = {
  name: "memory",
  features: [
    ...Object.entries(memoryPolicyModes()).map(policyFeature),
    ...Object.entries(memoryPolicyFlags()).map(flagFeature),
    {
      name: "resctrl",
      title: "shares of caches and memory bandwidth (resctrl)",
      config: ["linux.intelRdt"],
      probe({ subject }) {
        subject.do(fsopen("resctrl"));
        const mount = resctrlMount();
        const group = `${mount}/tsrun-check-${process.pid}`;
        makeDirectory(group);
        removeDirectory(group);
        return mount;
      },
    },
  ],
};
