/** `patchbay sandbox`: its options. What it does is loaded when it is called, since no other command wants it. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { OwnFields } from "../../index.ts"
import * as Values from "../run/Values.ts"

// The same each time, so that an environment that was written once stays good.
const usualPort = 7357

const isPort = (port: number): boolean => port >= 0 && port <= 65_535

export const command = Command.make(
  "sandbox",
  {
    port: Flag.Int("port").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription(`Listen on this port of 127.0.0.1; 0 takes any that is free (default: ${usualPort})`),
      Flag.filter(isPort, () => "a port from 0 to 65535"),
      Flag.withDefault(usualPort)
    ),
    reachDelay: Flag.String("reach-delay").pipe(
      Flag.withMetavar("TIME"),
      Flag.withDescription("How long Reach takes to apply a batch that it accepted: 1s (default: at once)"),
      Flag.filterMap(Values.duration, () => Values.durationForm),
      Flag.optional
    ),
    fault: Flag.String("fault").pipe(
      Flag.withMetavar("RULE"),
      Flag.withDescription('Misbehave: "reach:503@5%", "429 first 3, retry-after 2s"; may be given again'),
      Flag.atLeast(0)
    ),
    seed: Flag.Int("seed").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("Where all chance comes from: the same seed and requests give the same faults (default: 1)"),
      Flag.withDefault(1)
    ),
    field: Flag.String("field").pipe(
      Flag.withMetavar("NAME:TYPE[!]"),
      Flag.withDescription(
        "A field that Reach's customers have beyond the documented ones, as patchbay sync takes it; may be given again"
      ),
      Flag.filterMap(OwnFields.parse, () => Values.fieldForm),
      Flag.atLeast(0)
    ),
    state: Flag.String("state").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Start with the customers in FILE, and write them there when the sandbox is stopped"),
      Flag.optional
    )
  },
  (options) =>
    Effect.flatMap(
      Effect.promise(() => import("./SandboxServing.ts")),
      ({ run }) => run(options)
    )
).pipe(
  Command.withDescription(
    `Serve both vendors on this machine, to try things out without credentials. Standard output gets the environment that leads to it, in the form of an env file. Ctrl-C, or SIGTERM, stops it with exit code 0.

A fault RULE says which requests, what happens to them, and how often:
  [[reach|pocketflows] [METHOD] [PATH]:] FAULT DETAIL…
FAULT is a status such as 503, latency TIME[..TIME] [before|after], reset before|during|after, cut-short [SHARE], malformed-json, or no-answer [applied]. DETAIL is @SHARE, first N, skip N or every N; and with a status also retry-after TIME [as date], header NAME VALUE or, at the end, body TEXT.`
  ),
  Command.withShortDescription("Serve both vendors on this machine"),
  Command.withExamples([
    { command: "patchbay sandbox > sandbox.env", description: "Start it, and keep what leads to it" },
    {
      command: "patchbay sync customers.csv --to reach.batch-patch --env-file sandbox.env",
      description: "In another shell: send there"
    },
    {
      command: 'patchbay sandbox --reach-delay 2s --fault "reach:503@5%" --fault "reach: 429 first 3, retry-after 2s"',
      description: "A bad day at Reach"
    }
  ])
)
