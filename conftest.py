"""The top of the repository's own tests. Running its scenarios needs nothing from here: the plugin brings it all."""

pytest_plugins = ["pytester"]
