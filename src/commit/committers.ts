/** The coordinator of a process, with the disk and the clock that there are. */
import type { RegisteredTableFormat } from '../catalog/table-format.js'
import { systemClock } from '../common/clock.js'
import type { Settings } from '../common/option.js'
import { thisHost } from '../storage/this-host.js'
import { WriteCoordinator } from './coordinator.js'
import { directoryCommitter } from './directory-committer.js'
import { fileCommitter } from './file-committer.js'
import { FileIntents } from './file-intents.js'
import { nodeCommitFs } from './file-system.js'
import { logCommitter } from './log-committer.js'
import { objectCommitter } from './object-committer.js'
import { commitFs } from './object-fs.js'
import { processTable } from './process-table.js'
import type { WriteIntents } from './write-intents.js'

export interface CoordinatorParts {
  /** Of tables with a log. */
  readonly tableFormats?: readonly RegisteredTableFormat[]
  /** Default: files beside the targets. */
  readonly intents?: WriteIntents
  /** By which stores are reached; those of the environment if they say nothing. */
  readonly settings?: Settings
}

export function writeCoordinator({
  intents,
  settings = {},
  tableFormats = [],
}: CoordinatorParts = {}): WriteCoordinator {
  const host = thisHost(settings)
  const disk = nodeCommitFs(host.name)
  const fs = commitFs(disk, host)
  return new WriteCoordinator({
    intents: intents ?? new FileIntents(fs, processTable, systemClock, host.name),
    committers: [
      fileCommitter(disk, host.name),
      directoryCommitter(disk, host.name),
      objectCommitter(fs, host),
      logCommitter(fs, host, tableFormats),
    ],
  })
}
