import { defineConfig } from "vitest/config"
import { CountReporter } from "./test/support/CountReporter.ts"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", new CountReporter()],
    // Some tests start processes, and a busy machine may take its time over that.
    testTimeout: 60_000
  }
})
