/** The environment without what a compiled Bun, and so tsrun, takes for its own; it is this test's. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { BUN_BE_BUN, BUN_OPTIONS, ...env } = process.env;
  return env;
}
