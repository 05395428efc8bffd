/** The host that this process runs on, as one that reads and writes files. */
import { hostname } from 'node:os'
import { configOf, type Settings } from '../common/option.js'
import type { FileHost } from './store.js'

/** This host, with settings by full key, for one statement. */
export const thisHost = (settings: Settings = {}): FileHost => ({
  name: hostname(),
  config: configOf(settings),
  versions: new Map(),
  localVersions: new Map(),
})
