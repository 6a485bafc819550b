/** The JSON documents of images: those of the OCI image-spec 1.1, and the manifest.json of `docker save`. */
import { parseJson } from "../../runtime-spec/json.ts";
import { lineOf, Report } from "../../runtime-spec/report.ts";
import {
  array,
  type Infer,
  integer,
  map,
  object,
  required,
  type Schema,
  string,
  stringThat,
} from "../../runtime-spec/schema.ts";
import { walk } from "../../runtime-spec/walk.ts";
import { UserError } from "../kernel/user-error.ts";

/** Digests whose algorithm is known, and whose text is a safe file name. */
const DIGEST = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

const digest = stringThat((value) =>
  DIGEST.test(value) ? undefined : "must be a digest, sha256:… or sha512:… in lower case",
);

export const Platform = object({ os: string, architecture: string, variant: string });
export type Platform = Infer<typeof Platform>;

/** descriptor.md */
export const Descriptor = object({
  mediaType: string,
  digest: required(digest),
  size: required(integer(0, Number.MAX_SAFE_INTEGER)),
  platform: Platform,
  annotations: map(string),
});
export type Descriptor = Infer<typeof Descriptor>;

/** image-index.md, and docker's manifest list. */
export const Index = object({ mediaType: string, manifests: required(array(Descriptor)) });
/** manifest.md, and docker's. */
export const Manifest = object({
  mediaType: string,
  config: required(Descriptor),
  layers: required(array(Descriptor)),
});
/** image-layout.md */
export const Layout = object({ imageLayoutVersion: required(string) });

const Execution = object({
  User: string,
  ExposedPorts: map(object({})),
  Env: array(string),
  Entrypoint: array(string),
  Cmd: array(string),
  Volumes: map(object({})),
  WorkingDir: string,
  Labels: map(string),
  StopSignal: string,
});
/** config.md */
export const ImageConfig = object({
  created: string,
  author: string,
  architecture: string,
  os: string,
  "os.version": string,
  "os.features": array(string),
  variant: string,
  config: Execution,
  rootfs: required(object({ diff_ids: required(array(digest)) })),
});
export type ImageConfig = Infer<typeof ImageConfig>;

/** manifest.json: the images of an archive. */
export const Saved = array(
  object({ Config: required(string), RepoTags: array(string), Layers: required(array(string)) }),
);

const NO_RULES = new Map();

/** Nobody reads more; an image may have a hundred thousand. */
const MOST_PROBLEMS = 10;

/** Reads a document; `name` is its place in the image. @throws UserError with what is wrong with it, JsonError */
export function readDocument<T>(schema: Schema<T>, text: string, name: string): T {
  const value = parseJson(text, name);
  const report = new Report();
  walk(schema, value, report, NO_RULES);
  const { problems } = report;
  if (problems.length > 0) {
    const lines = problems.slice(0, MOST_PROBLEMS).map((problem) => lineOf(name, problem));
    const left = problems.length - lines.length;
    throw new UserError(left === 0 ? lines : [...lines, `${name}: ${left} more such problems`]);
  }
  return value as T; // the walk has shown it to be one
}
