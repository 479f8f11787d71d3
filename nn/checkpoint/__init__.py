"""Models in files: what a model is, the bytes it becomes, the disk, and the way back.

`description` and `container` are the two halves of the format, `files` is the disk. `saving` writes,
`loading` makes a model anew, `restore` takes a file up into a model that is there. What a file says is
believed nowhere: `fields` checks what it holds, `limits` what it asks for, both before anything changes.
"""
