/** What is wrong with a configuration, and where: `config.json: linux.namespaces[2].path: must be …`. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly path: string;
  /** The message without the place. */
  readonly problem: string;

  constructor(path: string, problem: string) {
    super(`config.json: ${path}: ${problem}`);
    this.path = path;
    this.problem = problem;
  }
}

/** Refuses the configuration because of the property at `path`. */
export function fail(path: string, message: string): never {
  throw new ConfigError(path, message);
}
