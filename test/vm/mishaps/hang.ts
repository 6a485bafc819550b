/** Never ends. */
export {};

await Bun.sleep(3_600_000);
