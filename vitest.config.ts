import { defineConfig } from "vitest/config"
import { CountReporter } from "./test/support/CountReporter.ts"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", new CountReporter()],
    // Half of the tests wait for processes and timers more than they work; by default, one of two cores would be used.
    maxWorkers: 4,
    // Some tests start processes, and a busy machine may take its time over that.
    testTimeout: 120_000
  }
})
