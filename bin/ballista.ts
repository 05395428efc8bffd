#!/usr/bin/env node
/** The `ballista` command. */
import { main } from '../src/cli/index.js'

process.exitCode = await main(process.argv)
