import { CWD, clockGettime, unshare } from "../../kernel/calls.ts";
import { CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLONE_NEWTIME } from "../../kernel/constants.ts";
import { TIMESPEC_SIZE, timespecSeconds } from "../../kernel/structs.ts";
import type { Area, Feature } from "../feature.ts";
import { put } from "../isolation.ts";
import type { Subject } from "../subject.ts";
import { Missing } from "../verdict.ts";

const DAY = 86_400;

function seconds(subject: Subject, clock: number): number {
  return timespecSeconds(subject.ask(clockGettime(clock, { room: TIMESPEC_SIZE })));
}

function clockFeature(name: string, clock: number): Feature {
  return {
    name: `time-offset.${name}`,
    title: `another time since boot: clock ${name}`,
    config: [`linux.timeOffsets.${name}`],
    probe({ subject }) {
      subject.do(unshare(CLONE_NEWTIME));
      put(subject, CWD, "/proc/self/timens_offsets", `${name} ${DAY} 0\n`);
      const child = subject.child(0);
      const ahead = seconds(child, clock) - seconds(subject, clock);
      if (ahead < DAY - 1) throw new Missing(`clock_gettime: the clock is ahead by ${ahead} s, not by a day`);
    },
  };
}

export const clocks: Area = {
  name: "clocks",
  features: [clockFeature("monotonic", CLOCK_MONOTONIC), clockFeature("boottime", CLOCK_BOOTTIME)],
};
