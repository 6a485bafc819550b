/** Packages of Debian's archive, fetched as apt-get does it, signatures and all, and not installed. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "../harness/mount.ts";

const KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** A place where apt finds packages. */
export interface Archive {
  /** How people call it. */
  readonly name: string;
  /** Fetches the lists of what there is. @throws Error */
  update(): void;
  /** The package that `name` depends on and whose name matches, if any. */
  dependencyOf(name: string, matching: RegExp): string | undefined;
  /** Downloads a package and returns its file. @throws Error */
  download(name: string, directory: string): string;
  /** Downloads packages and all that they depend on, where nothing is installed, and returns their files. @throws Error */
  downloadAll(names: readonly string[], directory: string): string[];
}

/** What this machine installs packages from. */
export function ownArchive(): Archive {
  return archive("this machine's apt sources", []);
}

/**
 * Debian's backports for this machine's release, or another suite, or one for machines of another architecture;
 * `directory` keeps the lists of what it has, and nothing of the machine's changes.
 */
export function otherSuite(suite: string, directory: string, architecture?: string): Archive {
  const [lists, cache] = [join(directory, "lists"), join(directory, "cache")];
  for (const made of [`${lists}/partial`, `${cache}/archives/partial`]) mkdirSync(made, { recursive: true });
  const [sources, status] = [join(directory, "sources.list"), join(directory, "status")];
  writeFileSync(status, ""); // nothing is installed
  writeFileSync(sources, `deb [signed-by=${KEYS}] ${mirror()} ${suite} main\n`);
  const foreign = [`APT::Architecture=${architecture}`, `APT::Architectures=${architecture}`];
  return archive(architecture === undefined ? suite : `${suite} for ${architecture}`, [
    ...(architecture === undefined ? [] : foreign.flatMap((option) => ["-o", option])),
    ...["-o", `Dir::Etc::SourceList=${sources}`, "-o", "Dir::Etc::SourceParts=/dev/null"],
    ...["-o", `Dir::State::Lists=${lists}`],
    ...["-o", `Dir::State::status=${status}`, "-o", `Dir::Cache=${cache}`],
  ]);
}

/** `options` stand in front of each of apt's commands. */
function archive(name: string, options: readonly string[]): Archive {
  return {
    name,
    update: () => void command("apt-get", ...options, "-qq", "update"),
    dependencyOf(package_, matching) {
      const shell = ["-c", '"$@" 2>/dev/null || true', "sh"]; // it fails for a package that it doesn't know
      const listing = command("sh", ...shell, "apt-cache", ...options, "depends", package_);
      const names = [...listing.matchAll(/^ +Depends: (\S+)$/gm)].map(([, found = ""]) => found);
      return names.find((found) => matching.test(found));
    },
    download(package_, directory) {
      // apt-get puts it into the directory where it is called.
      const shell = ["-c", 'cd "$1" && shift && "$@"', "sh", directory];
      command("sh", ...shell, "apt-get", ...options, "-qq", "download", package_);
      const [file] = packagesIn(directory);
      if (file === undefined) throw new Error(`apt-get download left no package in ${directory}`);
      return file;
    },
    downloadAll(packages, directory) {
      mkdirSync(join(directory, "partial"), { recursive: true });
      const kept = ["-o", `Dir::Cache::archives=${directory}`, "--no-install-recommends", "--download-only"];
      command("apt-get", ...options, "-qq", ...kept, "install", ...packages);
      return packagesIn(directory);
    },
  };
}

function packagesIn(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => name.endsWith(".deb"));
  return names.map((name) => join(directory, name));
}

/** `bookworm` for Debian 12. */
export function releaseName(): string {
  const name = readFileSync("/etc/os-release", "utf8").match(/^VERSION_CODENAME=(\w+)$/m)?.[1];
  if (name === undefined) throw new Error("/etc/os-release has no VERSION_CODENAME");
  return name;
}

/** Where this machine gets its release from, so that a mirror is used here, too. @throws Error */
export function mirror(): string {
  let found = mainOf(releaseName());
  if (found === undefined) {
    ownArchive().update(); // apt names what it has lists of
    found = mainOf(releaseName());
  }
  if (found === undefined) throw new Error(`apt's sources have no main of ${releaseName()}`);
  return found;
}

function mainOf(release: string): string | undefined {
  const listing = command("apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)");
  return listing.match(new RegExp(`^${release} main (\\S+)$`, "m"))?.[1];
}
