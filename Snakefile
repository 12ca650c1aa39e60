# The entry for `snakemake` in this folder; everything is in workflow/.
include: "workflow/Snakefile"


# Targets of included files are not defaults.
workflow.default_target = "all"
