import { CRIU_CONFIG_ANNOTATION } from "../linux/criu/messages.ts";
import { KEEP_GROUPS_ANNOTATION } from "../linux/process/credentials.ts";
import { UNIT_PROPERTY_ANNOTATION } from "../linux/systemd/annotated-properties.ts";
import { HOOK_STREAM_ANNOTATIONS } from "./hooks/hook-streams.ts";
import { FAULT_ANNOTATION, TRACE_ANNOTATION } from "./timeline/annotation.ts";

/**
 * Annotations that nobody should choose who may not choose the rest of the config (features.md); one that ends in a dot
 * stands for all that begin so. criu runs programs that its file names, as root. Timelines, and what hooks print, are
 * written as root to the host's files. A container that keeps its caller's groups, or has properties of systemd's of its
 * own, may do more than its config says.
 */
export const UNSAFE_ANNOTATIONS = [
  ...[CRIU_CONFIG_ANNOTATION, TRACE_ANNOTATION, FAULT_ANNOTATION, ...HOOK_STREAM_ANNOTATIONS],
  ...[KEEP_GROUPS_ANNOTATION, UNIT_PROPERTY_ANNOTATION],
] as const;
