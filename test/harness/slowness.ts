const { TSRUN_TEST_SLOWNESS = "1" } = process.env;

/**
 * How many times longer than on an ordinary machine things may take here, in emulation for example. What a test
 * waits for, it waits for that much longer.
 */
export const slowness = Number(TSRUN_TEST_SLOWNESS);
