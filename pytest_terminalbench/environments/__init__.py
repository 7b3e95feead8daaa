"""Where the agent acts: containers, their images, and what removes them."""
