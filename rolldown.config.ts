import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { defineConfig, type Plugin } from "rolldown"

// One file an entry, with what they share in chunks: a hundred small modules take as long to load as Effect's own.
const library = defineConfig({
  input: {
    index: "src/index.ts",
    "node/index": "src/node/index.ts",
    "sandbox/index": "src/sandbox/index.ts",
    "sql/index": "src/sql/index.ts",
    "cluster/index": "src/cluster/index.ts"
  },
  // Packages and Node's modules; only our own are put together.
  external: /^[^./]/,
  output: {
    dir: "dist",
    cleanDir: true,
    format: "esm",
    chunkFileNames: "chunks/[name]-[hash].js",
    codeSplitting: { groups: [{ name: "library", test: /[\\/]src[\\/](?!node|sandbox|sql|cluster)/ }] },
    // A file with one character beyond Latin-1 is kept with two bytes for each, and comments cannot escape theirs.
    charset: "ascii",
    comments: { jsdoc: false },
    sourcemap: true
  }
})

/** The licences of the packages whose code is in the bundle, which ask for being kept with it. */
const licences = (fileName: string): Plugin => ({
  name: "licences",
  generateBundle(_, bundle) {
    const modules = Object.values(bundle).flatMap((output) => (output.type === "chunk" ? output.moduleIds : []))
    const packages = new Set(
      modules.flatMap((id) => id.match(/^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/)?.[0] ?? [])
    )
    const texts = [...packages].sort().map((folder) => {
      const { license, name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
      const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
      if (file === undefined) throw new Error(`${name} has no licence file to keep with the bundle.`)
      return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`
    })
    this.emitFile({ type: "asset", fileName, source: texts.join(`\n${"-".repeat(80)}\n\n`) })
  }
})

/** `CliOutput` makes a segmenter when it is loaded, which takes 20 ms. It is for tables of help. */
const segmenterOnDemand: Plugin = {
  name: "segmenter-on-demand",
  transform(code, id) {
    if (!/[\\/]effect[\\/]dist[\\/]cli[\\/]CliOutput\.js$/.test(id)) return null
    const eager = /const graphemeSegmenter = \/\*#__PURE__\*\/\s*(new Intl\.Segmenter\([^)]*\));/
    if (!eager.test(code)) throw new Error("CliOutput has no segmenter as it had. See whether it still takes time.")
    return code.replace(
      eager,
      "let segmenter; const graphemeSegmenter = { segment: (text) => (segmenter ??= $1).segment(text) };"
    )
  }
}

// The command is an app, and has Effect in it: a few files load in half the time that its four hundred modules take.
const command = defineConfig({
  input: { "cli/main": "src/cli/main.ts" },
  platform: "node",
  // What has to do with security is updated by itself, and what is optional may not be there.
  external: /^(?:hucre|jose|undici)(?:\/|$)/,
  plugins: [segmenterOnDemand, licences("cli/LICENSES.txt")],
  output: {
    dir: "dist",
    format: "esm",
    chunkFileNames: "cli/[name]-[hash].js",
    comments: { jsdoc: false }
  }
})

export default [library, command]
