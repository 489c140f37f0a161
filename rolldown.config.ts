import { defineConfig } from "rolldown"

// One file an entry, with what they share in chunks: a hundred small modules take as long to load as Effect's own.
export default defineConfig({
  input: {
    index: "src/index.ts",
    "node/index": "src/node/index.ts",
    "sandbox/index": "src/sandbox/index.ts",
    "cli/main": "src/cli/main.ts"
  },
  // Packages and Node's modules; only our own are put together.
  external: /^[^./]/,
  output: {
    dir: "dist",
    cleanDir: true,
    format: "esm",
    chunkFileNames: "chunks/[name]-[hash].js",
    codeSplitting: { groups: [{ name: "library", test: /[\\/]src[\\/](?!cli|node|sandbox)/ }] },
    sourcemap: true
  }
})
