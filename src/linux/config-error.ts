/** What is wrong with a configuration, and where: `config.json: linux.namespaces[2].path: must be …`. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly path: string;

  constructor(path: string, message: string) {
    super(`config.json: ${path}: ${message}`);
    this.path = path;
  }
}

/** Refuses the configuration because of the property at `path`. */
export function fail(path: string, message: string): never {
  throw new ConfigError(path, message);
}
