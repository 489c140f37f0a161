/** A runner of a cluster, to be killed and stopped. Arguments: its port, the database's URL, the API's, and a lease in milliseconds. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as PgClient from "@effect/sql-pg/PgClient"
import { Layer, Redacted } from "effect"
import * as SyncCluster from "../../src/cluster/SyncCluster.ts"
import * as NodeHttp from "../../src/node/NodeHttp.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import * as Shop from "./Shop.ts"

const [port = "", database = "", baseUrl = "", lease = ""] = process.argv.slice(2)

Shop.make(Number(lease)).layer.pipe(
  Layer.provide(SyncCluster.layerRunner({ port: Number(port), takeOverAfter: Number(lease) })),
  Layer.provide(PgClient.layer({ url: Redacted.make(database) })),
  Layer.provide(
    ReachClient.layer({ baseUrl, auth: ReachAuth.token(Redacted.make(`runner-${port}`), { tenant: "acme" }) })
  ),
  Layer.provide([NodeHttp.layer, NodeServices.layer]),
  Layer.launch,
  NodeRuntime.runMain
)
