"""The interfaces that a running server may offer: JupyterLab, RStudio, VS Code and the others."""
